"""What the sections of the settings have in common."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from avatar_gen.errors import SettingsError


class Section(BaseModel):
    """A section of the settings. An unknown key in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def secret_of(value: SecretStr | None, file: Path | None, name: str) -> str | None:
    """Return the content of a file without the line end, else the value. Raises `SettingsError`."""
    if file is None:
        return None if value is None else value.get_secret_value()
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{file}: {name} cannot be read: {reason}") from None
