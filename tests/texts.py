"""Hypothesis strategies: Vietnamese text, and the ways in which it reaches people broken."""

import unicodedata

from hypothesis import strategies as st

SYLLABLES = [
    "Huyện",
    "ủy",
    "Thanh",
    "Oai",
    "Bùi",
    "Hoàng",
    "Phan",
    "Nghị",
    "quyết",
    "Trung",
    "ương",
    "khóa",
    "XII",
    "Đề",
    "án",
    "số",
    "06-ĐA/TU",
    "7/9",
    "chỉ",
    "tiêu",
    "hơn",
    "17.792",
    "lượt",
    "học",
    "viên",
    "Đảng",
    "bộ",
    "TP.Thanh",
    "Hóa",
    "NgaTAG:",
    "hòa",
    "quý",
    "thuỷ",
    "50%",
    "<s>",
    "</s>",
    "<mask>",
    "@@",
    "_",
    "a_b",
]
SPECIAL = (
    "\u200b", "\u200d",
    "\ufeff", "\u00ad", "\u00a0", "\u2028", "\u0301", "\u0323", "e\u0323\u0302", "👩🏽‍🚒", "🇻🇳", "가",
    "\u1100\u1161",
    "ﬁ", "²", "½", "٣", "\r\n", "\r", "\n\n", "\t", "\x0b", "\x85", "\x00", "İ", "ß", "\ud800",
)  # fmt: skip


def mutate(text: str, form: str) -> str:
    """The text in another normal form, or in a mixture of two."""
    if form == "mixed":
        middle = len(text) // 2
        return unicodedata.normalize("NFD", text[:middle]) + text[middle:]
    return unicodedata.normalize(form, text) if form else text


parts = st.one_of(
    st.sampled_from(SYLLABLES),
    st.sampled_from(SPECIAL),
    st.text(max_size=5),
    st.sampled_from([".", ",", "(", ")", '"']),
)
separators = st.sampled_from([" ", "", "\n", "  ", "\u00a0"])
messy = st.builds(
    lambda pieces, form: mutate("".join(p + s for p, s in pieces), form),
    st.lists(st.tuples(parts, separators), max_size=40),
    st.sampled_from(["", "NFC", "NFD", "NFKD", "mixed"]),
)
