"""What the page of ``lsr1 predict`` holds, as its script reads it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np


def page_data(folder: Path) -> dict[str, Any]:
    """The data of the page of a folder of fits."""
    text = (folder / "index.html").read_text(encoding="utf-8")
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def page_array(text: str, dtype: str) -> np.ndarray:
    """The numbers of one of its arrays."""
    return np.frombuffer(base64.b64decode(text), dtype)
