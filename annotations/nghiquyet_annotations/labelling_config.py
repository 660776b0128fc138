"""Label Studio's labelling interface and the annotators' instructions, both made from the LabelSet."""

from html import escape
from xml.etree import ElementTree as ET

from nghiquyet.labels import LABELS, Label, LabelSet

GUIDELINE = "annotations/GUIDELINE.vi.md"
FROM_NAME = "label"
TO_NAME = "text"

# Line ends of the article stay visible; without it the page shows one paragraph. The page's own font draws the tone
# marks of `ằ`, `ế`, `ồ` so close to the letter that they cannot be told apart; these fonts are made for Vietnamese too.
_FONTS = "'Noto Sans', 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_STYLE = (
    ".lsf-htx-richtext{white-space: pre-wrap; line-height: 1.75;} "
    f".lsf-htx-richtext, .lsf-htx-richtext *{{font-family: {_FONTS} !important;}}"
)

_IN_VIETNAMESE = {
    "ORG": "tổ chức có tên, hoặc cơ quan viết hoa chỉ đúng một tổ chức",
    "PERSON": "tên người, không kèm chức vụ, danh xưng",
    "RESOLUTION": "văn bản chỉ đạo, chính sách xác định được (có số, ký hiệu, kỳ hội nghị, khóa...)",
    "METRIC": "số lượng đo hoặc đếm được: từ so sánh, con số và đơn vị",
}

_RULES = (
    "Đánh dấu mọi lần xuất hiện: tiêu đề, chú thích ảnh, tên tác giả, đoạn lặp lại.",
    "Đoạn đánh dấu không chồng lên nhau, không thừa khoảng trắng hay dấu ngoặc kép ở hai đầu.",
    "Hai nhãn tranh nhau một chỗ: chọn đoạn dài hơn; dài bằng nhau thì RESOLUTION, ORG, PERSON, METRIC.",
    "Bài không có gì để đánh dấu: vẫn bấm Submit. Chỉ bấm Skip khi không đọc được bài.",
)


def labelling_config(labels: LabelSet = LABELS) -> str:
    """The labelling XML of a project: the labels with colours and hotkeys over the task's `text`."""
    view = ET.Element("View")
    ET.SubElement(view, "Style").text = _STYLE
    group = ET.SubElement(view, "Labels", name=FROM_NAME, toName=TO_NAME, showInline="true")
    for label in labels:
        ET.SubElement(group, "Label", value=label.name, background=label.colour, hotkey=label.hotkey)
    ET.SubElement(view, "Text", name=TO_NAME, value="$text", granularity="symbol", showLabels="true")
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def unfit(xml: str, labels: LabelSet = LABELS) -> str | None:
    """Why predictions with these labels do not fit a project's labelling XML, in words; None where they do."""
    try:
        groups = ET.fromstring(xml).iter("Labels")
    except ET.ParseError as error:
        return f"it is not XML ({error})"
    there = {
        label.get("value", "")
        for group in groups
        if (group.get("name"), group.get("toName")) == (FROM_NAME, TO_NAME)
        for label in group.iter("Label")
    }
    missing = [name for name in labels.names if name not in there]
    return f'<Labels name="{FROM_NAME}" toName="{TO_NAME}"> lacks {", ".join(missing)}' if missing else None


def instructions(labels: LabelSet = LABELS, guideline_url: str | None = None) -> str:
    """The HTML that annotators see before labelling, in Vietnamese.

    In the form that the server leaves unchanged: it takes out `target`, and puts in `tbody`.
    It names the guideline; give `guideline_url`, an address that their browser can open, to make that a link.
    """
    name = f"<code>{GUIDELINE}</code>"
    guideline = f'<a href="{escape(guideline_url)}">{name}</a>' if guideline_url else name
    rules = "".join(f"<p>• {escape(rule)}</p>" for rule in _RULES)
    return (
        f"<p>Đọc hướng dẫn đầy đủ trước khi bắt đầu: {guideline}.</p>"
        f"<table><tbody>{_row('th', 'Phím', 'Nhãn', 'Đánh dấu', 'Ví dụ')}{''.join(map(_label_row, labels))}"
        f"</tbody></table>{rules}"
    )


def _label_row(label: Label) -> str:
    description = _IN_VIETNAMESE.get(label.name, label.description)
    return _row(
        "td", label.hotkey, f"<b>{escape(label.name)}</b>", escape(description), escape("; ".join(label.examples))
    )


def _row(tag: str, *cells: str) -> str:
    # Label Studio takes out all space between cells, and all style attributes.
    return "<tr>" + "".join(f"<{tag}>{cell}&nbsp;&nbsp;</{tag}>" for cell in cells) + "</tr>"
