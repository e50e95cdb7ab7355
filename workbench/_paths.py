"""Folders of the workbench, atomic writes, file locks, and readable errors for failed disk access."""

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
from workbench.formatting import format_bytes

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
PERMISSION_ERRNOS = (errno.EACCES, errno.EPERM)
# file systems of local disks: a lock there is visible to every process that can see the file
LOCAL_FILE_SYSTEMS = {
    "apfs",
    "bcachefs",
    "btrfs",
    "exfat",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "hfs",
    "jfs",
    "msdos",
    "ntfs",
}
LOCAL_FILE_SYSTEMS |= {"overlay", "reiserfs", "tmpfs", "ufs", "vfat", "xfs", "zfs"}


def workbench_home() -> Path:
    """Return the folder for runs and caches: `$WORKBENCH_HOME`, else `~/.workbench`.

    Create it if missing. If it cannot be created, the folder is returned anyway: there is nothing to read, and the
    first write raises the reason.

    Raises:
        Unavailable: the system knows no home folder of this user.
    """
    try:
        folder = Path(os.environ.get("WORKBENCH_HOME") or Path.home() / ".workbench").expanduser()
    except RuntimeError as error:
        raise Unavailable(
            f"there is no folder for runs and caches ({error}); set WORKBENCH_HOME to a folder"
        ) from error
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder and its parents, unless it exists.

    Raises:
        DiskError: it cannot be created, with the reason.
    """
    path = Path(path)
    with raise_disk_errors(path, "made"):
        path.mkdir(parents=True, exist_ok=True)
    return path


def write_file(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file atomically and durably: to a new file beside `path`, flushed to disk, then renamed over it.

    The folder is synchronized too, so that the rename survives a power failure.

    Raises:
        DiskError: it cannot be written, with the reason and the disk that is full.
    """
    replace_file(path, content)
    sync_folder(Path(path).parent)


def replace_file(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file atomically, without synchronizing its folder: a power failure may restore the previous file.

    Partial files that killed writers of the same file left behind are removed.

    Raises:
        DiskError: it cannot be written, with the reason and the disk that is full.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    with raise_disk_errors(path):
        remove_partial_files(path.parent, path.name)
        handle, partial = _open_partial_file(path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                # mkstemp makes private files; shared disks need the usual permissions
                os.chmod(partial, 0o666 & ~get_umask())
                if fcntl is not None:  # renamed while locked, so that no other process removes it as a leftover
                    os.replace(partial, path)
            if fcntl is None:
                os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise


def touch_file(path: str | os.PathLike[str]) -> None:
    """Create an empty file, unless it exists.

    Raises:
        DiskError: it cannot be created, with the reason.
    """
    with raise_disk_errors(path):
        Path(path).touch()


def sync_folder(folder: Path) -> None:
    """Flush the directory entry of a folder to disk, where the system can: a rename then survives a power failure."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_partial_files(folder: Path, name: str | None = None) -> None:
    """Remove partial files of killed writers; files of running writers are locked and kept.

    Args:
        folder: folder to clear.
        name: name of the file that was being written; None for any.
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


def get_umask() -> int:
    """Return the umask of this process, which can only be read by setting it."""
    current = os.umask(0)
    os.umask(current)
    return current


@contextlib.contextmanager
def hold_lock(path: str | os.PathLike[str], timeout: float = -1) -> Iterator[None]:
    """Hold a file lock that is released when the process ends.

    Args:
        path: lock file; it is created, and not removed.
        timeout: seconds to wait for another holder; -1 waits without limit.

    Raises:
        filelock.Timeout: another process held the lock for longer.
        DiskError: the lock file cannot be written.
    """
    from filelock import FileLock

    lock = FileLock(path)
    with raise_disk_errors(path):
        lock.acquire(timeout=timeout)
    try:
        yield
    finally:
        lock.release()


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Return whether a process holds the lock of `path`; concurrent calls do not disturb each other.

    A lock that this user may not read counts as held.
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
        pass  # a file system without flock: filelock falls back to the existence of the file
    finally:
        os.close(handle)
    from filelock import FileLock

    probe = FileLock(path)
    try:
        probe.acquire(timeout=0)
    except OSError:  # held, or not readable
        return True
    probe.release()
    return False


@contextlib.contextmanager
def raise_disk_errors(path: str | os.PathLike[str], action: str = "written") -> Iterator[None]:
    """Raise `DiskError` with a readable message in place of an `OSError`.

    Args:
        path: file or folder that is accessed.
        action: failed operation, a participle for the message: written, made, read or removed.

    Raises:
        DiskError: in place of any other `OSError`.
    """
    try:
        yield
    except (DiskError, TimeoutError):
        raise
    except OSError as error:
        raise to_disk_error(error, path, action) from error


def to_disk_error(error: OSError, path: str | os.PathLike[str], action: str = "written") -> DiskError:
    """Convert an `OSError` on `path` to an error that names the cause, the disk and the remedy.

    Args:
        action: failed operation, a participle for the message: written, made, read or removed.
    """
    path, why = Path(path).absolute(), error.strerror or str(error) or type(error).__name__
    elsewhere = (
        "set WORKBENCH_HOME to another folder"
        if path.is_relative_to(workbench_home().absolute())
        else "name another place"
    )
    if error.errno in DISK_FULL_ERRNOS:
        sentence = (
            f"the disk is full: {path} cannot be {action} ({why}). {_describe_free_space(path)}; free some space "
            f"there, or {elsewhere}"
        )
    elif error.errno == errno.EROFS:
        sentence = f"the disk {find_mount_point(path)} is read-only: {path} cannot be {action}; {elsewhere}"
    elif error.errno in PERMISSION_ERRNOS:
        sentence = f"{path} cannot be {action} by this user ({why}); ask for permission, or {elsewhere}"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
        sentence = f"{path} cannot be {action}: {_describe_obstacle(path)}; {elsewhere}"
    else:
        sentence = f"{path} cannot be {action} ({why}); {elsewhere}"
    return DiskError(sentence, error.errno)


def find_mount_point(path: Path) -> Path:
    """Return the mount point of the disk that holds `path`."""
    path = _find_existing_parent(path.absolute())
    while not os.path.ismount(path) and path != path.parent:
        path = path.parent
    return path


def is_on_local_disk(path: Path) -> bool:
    """Return whether `path` is on a disk of this machine, judged by the type of its file system."""
    import psutil

    mount_point = os.fspath(find_mount_point(path.resolve()))
    types = [part.fstype.lower() for part in psutil.disk_partitions(all=True) if part.mountpoint == mount_point]
    return bool(types) and types[-1] in LOCAL_FILE_SYSTEMS


def _describe_free_space(path: Path) -> str:
    mount_point = find_mount_point(path)
    try:
        free = shutil.disk_usage(mount_point).free
    except OSError:
        return f"It is on the disk {mount_point}"
    return f"The disk {mount_point} has {format_bytes(free)} left"


def _describe_obstacle(path: Path) -> str:
    """Describe why a folder is missing: it does not exist, or a file has its name."""
    above = _find_existing_parent(path if path.is_file() else path.parent)
    return f"{above} is a file" if above.is_file() else f"there is no folder {path.parent}"


def _find_existing_parent(path: Path) -> Path:
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def _open_partial_file(path: Path) -> tuple[int, str]:
    """Create and lock a temporary file beside `path`; try again if another process removed it as a leftover."""
    while True:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        if fcntl is None:
            return handle, partial
        with contextlib.suppress(OSError):  # a file system without locks: no process removes leftovers there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, partial
        os.close(handle)
