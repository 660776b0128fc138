"""Copies of gold documents with other policy documents in the place of those they cite.

RESOLUTION is thin in general news, but its forms are few and regular: the grammar below writes them as
annotations/GUIDELINE.vi.md describes them. What surrounds a mention stays, so the copies teach the forms.
"""

import random
from collections.abc import Sequence

from nghiquyet.documents import Document, Entity
from nghiquyet_training.perturb import Edit, perturb

LABEL = "RESOLUTION"
TERMS = ("IX", "X", "XI", "XII", "XIII", "XXII", "XXIV", "XXV", "XXVI")
CODES = {
    "Nghị quyết": ("NQ/TW", "NQ/TU", "NQ/HU", "NQ-CP", "NQ/ĐU"),
    "Chỉ thị": ("CT/TW", "CT/TU", "CT-TTg"),
    "Kết luận": ("KL/TW", "KL/TU"),
    "Quyết định": ("QĐ/TW", "QĐ/TU", "QĐ-TTg", "QĐ-UBND"),
    "Quy định": ("QĐ/TW", "QĐi/TW", "QĐ/TU"),
    "Hướng dẫn": ("HD/BTCTW", "HD/UBKTTW", "HD/TU"),
    "Kế hoạch": ("KH/TU", "KH/HU", "KH-UBND"),
    "Chương trình": ("CTr/TU", "CTr/HU"),
    "Đề án": ("ĐA/TU", "ĐA/HU"),
    "Thông tri": ("TT/TU", "TT/TW"),
    "Nghị định": ("NĐ-CP",),
    "Thông tư": ("TT-BNV", "TT-BTC"),
}
UNITS = ("huyện", "tỉnh", "thị xã", "thành phố", "xã")
STATUTES = ("luật", "bộ", "pháp", "blhs", "bltths", "blds", "bltt")  # first words, in small letters
HEADS = {head.split()[0].lower() for head in CODES} | set(STATUTES)
CODES_OF_LAW = ("Bộ luật Hình sự", "Bộ luật Dân sự", "Bộ luật Lao động", "Bộ luật Tố tụng hình sự", "BLHS", "BLTTHS")
ORDINANCES = (
    "Bảo vệ, chăm sóc và giáo dục trẻ em",
    "Cán bộ, công chức",
    "Dân quân tự vệ",
    "Nghĩa vụ lao động công ích",
    "Ưu đãi người có công với cách mạng",
    "Xử lý vi phạm hành chính",
)
LAWS = (
    "An ninh mạng",
    "Ban hành văn bản quy phạm pháp luật của HĐND, UBND",
    "Bảo hiểm xã hội",
    "Bảo vệ môi trường",
    "Bầu cử đại biểu Quốc hội và đại biểu Hội đồng nhân dân",
    "Bình đẳng giới",
    "Các tổ chức tín dụng",
    "Cán bộ, công chức",
    "Công an nhân dân",
    "Cư trú",
    "Doanh nghiệp",
    "Đất đai",
    "Đầu tư công",
    "Giáo dục",
    "Giao thông đường bộ",
    "Hòa giải ở cơ sở",
    "Hoạt động giám sát của Quốc hội và Hội đồng nhân dân",
    "Khám bệnh, chữa bệnh",
    "Khiếu nại, tố cáo",
    "Mặt trận Tổ quốc Việt Nam",
    "Ngân sách nhà nước",
    "Nghĩa vụ quân sự",
    "Nhà ở",
    "Phòng cháy và chữa cháy",
    "Phòng, chống tham nhũng",
    "Quản lý thuế",
    "Sĩ quan Quân đội nhân dân Việt Nam",
    "Thanh niên",
    "Thi đua, khen thưởng",
    "Thực hành tiết kiệm, chống lãng phí",
    "Tổ chức chính quyền địa phương",
    "Tổ chức Quốc hội",
    "Tổ chức Tòa án nhân dân",
    "Viên chức",
    "Xây dựng",
)


def make_mention(draw: random.Random, *, statute: bool = False) -> str:
    """A policy document as news cite them: a law, or one of a party or a government."""
    if statute:
        return _statute(draw)
    form = draw.choice((_numbered, _numbered, _plenum, _plenum, _congress))
    mention = form(draw)
    return mention[0].lower() + mention[1:] if draw.random() < 0.15 else mention


def _statute(draw: random.Random) -> str:
    name = draw.choice(LAWS)
    law = f"{draw.choice(('Luật', 'Luật', 'luật'))} {draw.choice((name, name[0].lower() + name[1:]))}"
    ordinance = draw.choice(ORDINANCES)
    mention = draw.choice(
        (
            law,
            law,
            f"Luật sửa đổi, bổ sung một số điều của {law}",
            draw.choice(CODES_OF_LAW),
            f"Pháp lệnh {draw.choice((ordinance, ordinance[0].lower() + ordinance[1:]))}",
        )
    )
    year = draw.randint(1992, 2024)
    return mention + draw.choice(("", "", "", f" năm {year}", f" {year}"))


def _numbered(draw: random.Random) -> str:
    head = draw.choice(sorted(CODES))
    number = f"{draw.randint(1, 99):02d}"
    code = draw.choice(CODES[head])
    year = f"/{draw.randint(2005, 2024)}" if code.startswith(("NĐ", "TT-", "QĐ-TTg", "NQ-CP")) else ""
    joint = "/" if year else "-"
    whole = f"{number}{year}{joint}{code}"
    return f"{head} {draw.choice((f'số {whole}', whole, f'số {number}', number))}"


def _plenum(draw: random.Random) -> str:
    meeting = draw.choice(("", "", "Hội nghị "))
    body = draw.choice(("Trung ương", "Trung ương", "TW", "BCH Trung ương"))
    return f"Nghị quyết {meeting}{body} {draw.randint(2, 12)}{_term(draw)}"


def _congress(draw: random.Random) -> str:
    unit = draw.choice(UNITS)
    whose = draw.choice((draw.choice(TERMS), f"Đảng bộ {unit}", f"Đảng bộ {unit}", "Đảng", "Đảng toàn quốc"))
    needs_term = whose.startswith("Đảng") and not whose.startswith("Đảng bộ")
    term = draw.choice((f" lần thứ {draw.choice(TERMS)}", f" khóa {draw.choice(TERMS)}"))
    return f"Nghị quyết Đại hội {whose}{term if needs_term or (whose[0] == 'Đ' and draw.random() < 0.5) else ''}"


def _term(draw: random.Random) -> str:
    term = draw.choice(TERMS[:5])
    return draw.choice(("", f" khóa {term}", f" (khóa {term})", f" (khóa {term})"))


def with_other_mentions(documents: Sequence[Document], copies: int, seed: int) -> list[Document]:
    """`copies` of each document that cites a policy document, every citation replaced by another."""
    draw = random.Random(seed)
    citing = [document for document in documents if any(e.label == LABEL for e in document.entities)]
    return [_copy(document, i, draw) for i in range(copies) for document in citing]


def _copy(document: Document, number: int, draw: random.Random) -> Document:
    edits: list[Edit] = [
        (e.start, e.end, make_mention(draw, statute=_head(e) in STATUTES))
        for e in document.entities
        if e.label == LABEL and _head(e) in HEADS
    ]
    changed = perturb(document, lambda _: iter(edits))
    return Document(f"{document.id}: mentions {number}", changed.text, changed.entities)


def _head(entity: Entity) -> str:
    """The first word; a number stands there where a citation is the second of several behind one head."""
    return entity.text.split()[0].lower()
