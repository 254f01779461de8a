import errno
import os
from pathlib import Path

import pytest

from avatar_gen.errors import StartupError
from avatar_gen.objects.opening import open_identities, open_store
from avatar_gen.objects.storage_folder import remedy
from avatar_gen.settings.storage import Storage


class TestWhatIsSaidOfAFolderThatCannotBeWritten:
    def test_is_whose_it_is_to_be(self, tmp_path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(tmp_path, 4321, 4321)
        path = "/avatars" if os.geteuid() else str(tmp_path / "avatars")
        said = remedy(PermissionError(errno.EACCES, "Permission denied", path))
        user, group = os.geteuid(), os.getegid()
        assert f"user {user} must be able to write there: chown -R {user}:{group} FOLDER" in said

    def test_or_that_its_owner_may_not(self, tmp_path: Path) -> None:
        said = remedy(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "not" / "there")))
        assert said.endswith("owns the folder, but may not write it: chmod u+rwx FOLDER")

    def test_or_that_it_is_read_only(self) -> None:
        said = remedy(OSError(errno.EROFS, "Read-only file system", "storage"))
        assert said.endswith("; mount a folder there that can be written")

    @pytest.mark.parametrize("target", ["7f", "missing"])
    def test_or_that_it_is_a_link_that_leads_to_no_folder(self, tmp_path: Path, target: str) -> None:
        (tmp_path / "7f").symlink_to(target)
        settings = Storage.model_validate({"local": {"save_path": str(tmp_path)}})
        with pytest.raises(
            StartupError, match=r"It is not a folder, or a link that leads to none\. Move it away: '.*/7f'"
        ):
            open_store(settings)

    def test_or_what_the_system_says(self) -> None:
        assert remedy(OSError(errno.EIO, "Input/output error")) == "[Errno 5] Input/output error"


@pytest.mark.parametrize("opened", [open_store, open_identities])
def test_what_cannot_be_opened_stops_the_start_with_the_folder_s_name(opened: object, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Storage.model_validate({"local": {"save_path": str(tmp_path / "file" / "avatars")}})
    assert callable(opened)
    with pytest.raises(StartupError, match=r"file/avatars: objects cannot be stored here: \[Errno 20\]"):
        opened(settings)


def test_a_missing_folder_that_is_only_read_is_said_to_be_another(tmp_path: Path) -> None:
    settings = Storage.model_validate({"local": {"save_path": str(tmp_path / "avatars")}})
    with pytest.raises(StartupError, match=r"avatars: there are no objects here\. Run this in the folder of"):
        open_store(settings, make=False)
    assert not (tmp_path / "avatars").exists()
