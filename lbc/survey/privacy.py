"""What may be known of single children: identifiers out, small cells out, names and numbers in free text found."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lbc.errors import PrivacyError
from lbc.survey.codebook import Codebook
from lbc.survey.text import tidy

PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
LANDLINE = re.compile(r"(?<!\d)0\d{2,3}[- ]\d{7,8}(?!\d)")
RESIDENT_ID = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
ACCOUNT = re.compile(r"(?:QQ|微信|wechat)\D{0,4}[\w-]{5,}", re.IGNORECASE)
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭"
    "陆汪范廖石金贾夏韦付方白邹孟熊秦邱江尹薛阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
SAID_NAME = re.compile(rf"(?:我叫|名叫|我是|名字是|姓名[:：]?|同学叫)\s*[{SURNAMES}][\u4e00-\u9fff]{{1,2}}")
KINDS = {
    "phone number": (PHONE, LANDLINE),
    "e-mail or account": (EMAIL, ACCOUNT),
    "a name": (SAID_NAME,),
}
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
SHORTEST_NAME = 2


def scrub(frame: pd.DataFrame, codebook: Codebook, key: bytes | None = None) -> pd.DataFrame:
    """The frame without direct identifiers and free text.

    Parameters
    ----------
    frame : DataFrame
    codebook : Codebook
    key : bytes, optional
        Secret, kept outside the project, that turns direct identifiers of role id into study codes.

    Returns
    -------
    DataFrame
        Without the columns that identify directly and free text. An id that identifies directly (a pupil
        number) is replaced by a study code.

    Raises
    ------
    PrivacyError
        If the id identifies directly and no key is given.
    """
    private = [v for v in codebook.variables if v.private and v.variable in frame]
    ids = [v.variable for v in private if v.role == "id"]
    out = frame.drop(columns=[v.variable for v in private if v.role != "id"])
    if ids and not key:
        raise PrivacyError(
            "the respondents' ids identify children directly", f"{codebook.shown}, variable {ids[0]}",
            "a pupil number or name may not stand beside answers",
            "give study codes as ids and write identifies: quasi, or hand over a secret key",
        )
    return out.assign(**{name: pseudonyms(out[name], key or b"") for name in ids})


def pseudonyms(ids: pd.Series, key: bytes) -> pd.Series:
    """Study codes: first 12 hex digits of HMAC-SHA-256 of each id.

    A plain hash of a pupil or resident number is undone by trying all numbers; without the key this is not.

    Raises
    ------
    PrivacyError
        If the key has fewer than 16 bytes.
    """
    if len(key) < 16:
        raise PrivacyError("the key for study codes is too short", why="it needs 16 bytes", fix="make another")

    def code(name: object) -> str:
        return hmac.new(key, tidy(str(name)).encode("utf-8"), hashlib.sha256).hexdigest()[:12]

    return ids.map(code, na_action="ignore")


def k_anonymity(frame: pd.DataFrame, quasi: Sequence[str]) -> int:
    """Size of the smallest group of rows that agree in all quasi-identifiers; a missing value is a value.

    Sweeney 2002. Without rows, 0; without quasi-identifiers, all rows are one group.

    Examples
    --------
    >>> k_anonymity(pd.DataFrame({"grade": [3, 3, 4], "sex": ["1", "1", "2"]}), ["grade", "sex"])
    1
    """
    if frame.empty or not quasi:
        return len(frame)
    return int(frame.groupby(list(quasi), dropna=False, observed=True).size().min())


def suppress(table: pd.DataFrame, count_columns: Sequence[str], min_cell: int) -> pd.DataFrame:
    """Blank small counts, and as many others as it takes that no blank can be worked out from the totals.

    Parameters
    ----------
    table : DataFrame
        A table without its row of totals; every line is a category.
    count_columns : sequence of str
        Columns that hold counts of children. Several are taken as a cross table (categories that exclude each other).
    min_cell : int
        Counts from 1 to `min_cell - 1` are blanked.

    Returns
    -------
    DataFrame
        Counts as floats, NaN where blanked. Other numeric columns of a line with a small count (means, percentages)
        are blanked with it.

    Raises
    ------
    PrivacyError
        If a blank could be worked out however many are blanked, or the whole table has fewer than `min_cell`
        children: merge categories.

    Notes
    -----
    Totals of lines and columns count as known, for readers find them elsewhere. A blank is safe when the known
    numbers allow more than one value for it, which linear programming tells (the attacker's problem of cell
    suppression; for a table with totals its bounds are whole numbers).
    """
    counts = table[list(count_columns)].to_numpy(float)
    small = (counts > 0) & (counts < min_cell)
    hidden = _secondary(counts, small, min_cell)
    open_to_attack = _exact(counts, hidden) & small
    while open_to_attack.any() and not hidden.all():
        hidden = _secondary(counts, hidden | _cheapest(counts, hidden, open_to_attack), min_cell)
        open_to_attack = _exact(counts, hidden) & small
    if open_to_attack.any() or 0 < counts.sum() < min_cell:
        raise PrivacyError(
            f"counts of fewer than {min_cell} children could be worked out from the totals", "table",
            "it has too few cells to hide one among others", "merge categories, or leave the table out",
        )
    out = table.copy()
    out[list(count_columns)] = np.where(hidden, np.nan, counts)
    others = [c for c in table.select_dtypes("number").columns if c not in count_columns]
    out[others] = out[others].astype(float).mask(np.repeat(small.any(axis=1)[:, None], len(others), axis=1))
    return out


def _secondary(counts: np.ndarray, hidden: np.ndarray, min_cell: int) -> np.ndarray:
    """Hide further cells until each line that hides any hides `min_cell` children or more in two cells or more."""
    hidden = hidden.copy()
    changed = True
    while changed:
        changed = False
        for line, mask in [*zip(counts, hidden, strict=True), *zip(counts.T, hidden.T, strict=True)]:
            while line[mask].any() and not mask.all() and (mask.sum() < 2 or line[mask].sum() < min_cell):
                free = np.where(mask, np.inf, np.where(line > 0, line, 1e9))  # a zero hides nothing: last choice
                mask[int(free.argmin())] = changed = True
    return hidden


def _cheapest(counts: np.ndarray, hidden: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    """The smallest open cell in line with a cell that can be worked out; any open cell where there is none."""
    row, column = np.argwhere(attacked)[0]
    line = np.zeros_like(hidden)
    line[row, :] = line[:, column] = True
    candidates = np.where(line & ~hidden, counts, np.inf)
    if np.isinf(candidates).all():
        candidates = np.where(hidden, np.inf, counts)
    chosen = np.zeros_like(hidden)
    chosen[np.unravel_index(int(candidates.argmin()), counts.shape)] = True
    return chosen


def _exact(counts: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Hidden cells that the totals and the open cells determine: linear bounds that coincide."""
    from scipy.optimize import linprog

    cells = np.argwhere(hidden)
    found = np.zeros_like(hidden)
    if not len(cells):
        return found
    rows, columns = counts.shape
    lines = [cells[:, 0] == r for r in range(rows) if columns > 1] + [cells[:, 1] == c for c in range(columns)]
    lines = [line for line in lines if line.any()]
    values = counts[hidden]
    equal, totals = np.array(lines, float), np.array([values[line].sum() for line in lines])
    for k, (r, c) in enumerate(cells):
        target = np.eye(len(cells))[k]
        low, high = (linprog(sign * target, A_eq=equal, b_eq=totals, bounds=(0, None)).fun for sign in (1, -1))
        found[r, c] = abs(low + high) < 0.5
    return found


def scan_text(frame: pd.DataFrame, codebook: Codebook, names: Iterable[str] = ()) -> pd.DataFrame:
    """Look for what tells who a child is in all free text of a frame.

    Parameters
    ----------
    frame : DataFrame
    codebook : Codebook
    names : iterable of str
        Names to look for besides those in the frame's own columns of direct identifiers (a class list).

    Returns
    -------
    DataFrame
        row, column, variable, found ("(not shown)"), problem, done, as in `Intake.report`.
    """
    texts = [v for v in codebook.variables if v.free_text and v.variable in frame]
    listed = [v for v in texts if v.identifies == "direct" and v.role != "free_text"]
    roster = {*names, *(str(name) for v in listed for name in frame[v.variable].dropna())}
    rows = [
        (row, v.column, v.variable, "(not shown)", kind, "to be reworded")
        for v in texts if v not in listed
        for row, text in frame[v.variable].dropna().items()
        for kind in kinds(text, roster)
    ]
    return pd.DataFrame(rows, columns=["row", "column", "variable", "found", "problem", "done"])


def kinds(text: str, names: Iterable[str] = ()) -> list[str]:
    """What a text holds that tells who somebody is: "phone number", "resident number", "e-mail or account", "a name".

    Examples
    --------
    >>> kinds("call 13800138000")
    ['phone number']
    """
    text = tidy(text)
    found = [kind for kind, patterns in KINDS.items() if any(pattern.search(text) for pattern in patterns)]
    if any(is_resident_number(number) for number in RESIDENT_ID.findall(text)):
        found.append("resident number")
    if "a name" not in found and any(len(name) >= SHORTEST_NAME and name in text for name in names):
        found.append("a name")
    return sorted(found)


def is_resident_number(number: str) -> bool:
    """Whether 18 digits are a Chinese resident number: its last digit is a checksum (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, number[:17], strict=True))
    return number[17].upper() == "10X98765432"[total % 11]
