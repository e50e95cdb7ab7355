"""Where things live on disk, and writes that a kill cannot tear and that say why where they are refused."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import DiskError, Unavailable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM)
# file systems of disks inside a machine: whoever holds a lock there is seen by all who can see the file
LOCAL = {"apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "jfs", "msdos", "ntfs"}
LOCAL |= {"overlay", "reiserfs", "tmpfs", "ufs", "vfat", "xfs", "zfs"}


def home() -> Path:
    """Return the folder for runs and caches: `$WORKBENCH_HOME`, else `~/.workbench`.

    It is made if it is missing and can be made. Where it cannot, there is nothing to read either, and whoever writes
    there is told why not.

    Raises:
        Unavailable: the system knows no home of this user.
    """
    try:
        folder = Path(os.environ.get("WORKBENCH_HOME") or Path.home() / ".workbench").expanduser()
    except RuntimeError as error:
        raise Unavailable(f"no folder for runs and caches is known ({error}); set WORKBENCH_HOME to one") from error
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder and those above it, unless it is there.

    Raises:
        DiskError: it cannot be made; says why.
    """
    path = Path(path)
    with explain_failures(path, "made"):
        path.mkdir(parents=True, exist_ok=True)
    return path


def write(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a whole file or nothing: a new file beside `path`, flushed to disk, then renamed over it, for good.

    Raises:
        DiskError: it cannot be written; says why, and which disk is full.
    """
    replace(path, content)
    sync_folder(Path(path).parent)


def replace(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file as `write` does, but for the last step: after a power cut the file before may be there again.

    What killed writers of the same file have left beside it is cleared away.

    Raises:
        DiskError: it cannot be written; says why, and which disk is full.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    with explain_failures(path):
        clear_partials(path.parent, path.name)
        handle, partial = _new_partial(path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.chmod(
                    partial, 0o666 & ~mask()
                )  # a temporary file is its maker's alone; a shared disk wants the usual
                if fcntl is not None:  # while it is locked: nobody takes it for a leftover
                    os.replace(partial, path)
            if fcntl is None:
                os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise


def touch(path: str | os.PathLike[str]) -> None:
    """Make an empty file, unless it is there.

    Raises:
        DiskError: it cannot be made; says why.
    """
    with explain_failures(path):
        Path(path).touch()


def sync_folder(folder: Path) -> None:
    """Put a folder's list of names on disk, where the system can: a power cut then loses no file that was renamed."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def clear_partials(folder: Path, name: str | None = None) -> None:
    """Remove the half-written files of writers that were killed; those of living ones are locked and stay.

    Args:
        folder: where they lie.
        name: of the file that was being written; None is any.
    """
    if fcntl is None:
        return
    pattern = f".{glob.escape(name) if name else '*'}.*.partial"
    for left in folder.glob(pattern):
        with contextlib.suppress(OSError):
            handle = os.open(left, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(handle)


def mask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    current = os.umask(0)
    os.umask(current)
    return current


@contextlib.contextmanager
def lock(path: str | os.PathLike[str], timeout: float = -1) -> Iterator[None]:
    """Hold a lock that dies with its process.

    Args:
        path: of the lock file; it is made, and stays.
        timeout: seconds to wait for another holder; -1 waits as long as it takes.

    Raises:
        filelock.Timeout: another holds it for longer.
        DiskError: the lock file cannot be written.
    """
    from filelock import FileLock

    held = FileLock(path)
    with explain_failures(path):
        held.acquire(timeout=timeout)
    try:
        yield
    finally:
        held.release()


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Return whether some process holds the lock of `path`; those who only look do not disturb each other.

    A lock that this user may not look at counts as held.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        pass  # a file system without such locks: filelock makes do with the file being there
    finally:
        os.close(handle)
    from filelock import FileLock

    probe = FileLock(path)
    try:
        probe.acquire(timeout=0)
    except OSError:  # held, or not to be looked at
        return True
    probe.release()
    return False


@contextlib.contextmanager
def explain_failures(path: str | os.PathLike[str], deed: str = "written") -> Iterator[None]:
    """Turn what the system says of a write into a sentence.

    Args:
        path: what is written.
        deed: what could not be done to it: written, made, read or removed.

    Raises:
        DiskError: in place of any other `OSError`.
    """
    try:
        yield
    except (DiskError, TimeoutError):
        raise
    except OSError as error:
        raise explain(error, path, deed) from error


def explain(error: OSError, path: str | os.PathLike[str], deed: str = "written") -> DiskError:
    """Return a sentence for what the system says of `path`: what is wrong, with which disk, and what to do.

    Args:
        deed: what could not be done to it: written, made, read or removed.
    """
    path, why = Path(path).absolute(), error.strerror or str(error) or type(error).__name__
    elsewhere = (
        "set WORKBENCH_HOME to a folder elsewhere" if path.is_relative_to(home().absolute()) else "name another place"
    )
    if error.errno in FULL:
        said = (
            f"the disk is full: {path} cannot be {deed} ({why}). {_room(path)}; free some space there, or {elsewhere}"
        )
    elif error.errno == errno.EROFS:
        said = f"the disk {mount(path)} is read-only: {path} cannot be {deed}; {elsewhere}"
    elif error.errno in FORBIDDEN:
        said = f"{path} may not be {deed} by this user ({why}); ask for the right to, or {elsewhere}"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
        said = f"{path} cannot be {deed}: {_obstacle(path)}; {elsewhere}"
    else:
        said = f"{path} cannot be {deed} ({why}); {elsewhere}"
    return DiskError(said, error.errno)


def mount(path: Path) -> Path:
    """Return where the disk that holds `path` begins in the tree of folders."""
    path = _existing(path.absolute())
    while not os.path.ismount(path) and path != path.parent:
        path = path.parent
    return path


def is_local(path: Path) -> bool:
    """Return whether `path` lies on a disk of this machine, as far as the kind of its file system tells."""
    import psutil

    place = os.fspath(mount(path.resolve()))
    kinds = [part.fstype.lower() for part in psutil.disk_partitions(all=True) if part.mountpoint == place]
    return bool(kinds) and kinds[-1] in LOCAL


def _room(path: Path) -> str:
    place = mount(path)
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return f"It lies on the disk {place}"
    return f"The disk {place} has {free / 1e9:.1f} GB left"


def _obstacle(path: Path) -> str:
    """Say what stands where a folder should: nothing, or a file."""
    above = _existing(path if path.is_file() else path.parent)
    return f"{above} is a file" if above.is_file() else f"there is no folder {path.parent}"


def _existing(path: Path) -> Path:
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def _new_partial(path: Path) -> tuple[int, str]:
    """Open a new file beside `path` and lock it; one that was taken for a leftover meanwhile is begun again."""
    while True:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        if fcntl is None:
            return handle, partial
        with contextlib.suppress(OSError):  # a file system without locks: nobody can take it for a leftover there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, partial
        os.close(handle)
