"""Files and folders that operating systems, network drives and programs leave among images, recognised by name."""

from __future__ import annotations

import re

# fmt: off
FOLDERS = frozenset((
    # Synology, QNAP, Netgear and other network drives
    "@eadir", "#recycle", "@recycle", "#snapshot", "@tmp", "@sharebin", "@sharesnap", "@recently-snapshot",
    "@__thumb", ".@__thumb", "network trash folder", "temporary items", "lost+found", "found.000",
    # Windows, macOS, desktops
    "$recycle.bin", "recycler", "system volume information", "__macosx", ".trashes", ".trash", ".fseventsd",
    ".spotlight-v100", ".temporaryitems", ".documentrevisions-v100", ".appledouble", ".thumbnails", ".thumbs",
    ".picasaoriginals", ".dropbox.cache", ".stfolder", ".stversions", ".snapshot", ".snapshots", ".zfs",
    # programs
    "__pycache__", ".ipynb_checkpoints", ".git", ".svn", ".hg", ".dvc", ".cache", ".venv", ".idea", ".vscode",
))
FILES = frozenset((
    "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", ".ds_store", "icon\r", ".localized", ".directory",
    ".nomedia", "picasa.ini", ".picasa.ini", ".apdisk", ".volumeicon.icns", ".com.apple.timemachine.donotpresent",
    ".dropbox", ".dropbox.attr", ".stignore", ".synofile_thumb", ".bridgesort", ".bridgecache", ".bridgecachet",
    ".gitignore", ".gitattributes", ".gitkeep", ".keep", ".dvcignore", ".folder", "zbthumbnail.info",
))
# fmt: on
# ._x of macOS, lock files of office programs, Windows' zone identifiers, deleted network files still open
PATTERN = re.compile(
    r"\._.*|~\$.*|\.~lock\..*|\.nfs[0-9a-f]+|\.fuse_hidden.*|.*:zone\.identifier|\.trash-\d+|syno(photo|index)_.*|\.syno.*",
    re.DOTALL,
)


def is_clutter(name: str, is_folder: bool = False) -> bool:
    """Return True for a file, or a folder, that systems and programs leave behind."""
    lowered = name.lower()
    return lowered in (FOLDERS if is_folder else FILES) or PATTERN.fullmatch(lowered) is not None
