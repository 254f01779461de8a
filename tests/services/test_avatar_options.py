"""The options of a stored avatar."""

from dataclasses import make_dataclass
from typing import Annotated

import pytest
from pydantic import Field

from avatar_gen import avatar
from avatar_gen.api.responses import AvatarData
from avatar_gen.avatar import JSON_NAMES, SPEC_FIELDS, AvatarSpec, add_missing_options
from avatar_gen.errors import InvalidRequest
from avatar_gen.services.avatar_options import AvatarOptions, GradientOptions
from avatar_gen.services.validation import StrictModel, read_fields


def test_every_field_of_an_avatar_is_an_option_and_in_the_answer() -> None:
    names = {JSON_NAMES[name] for name in SPEC_FIELDS}
    assert {*AvatarOptions.model_fields} == names - {"generatorType"} | {"type"}
    assert {*GradientOptions.model_fields} == {*AvatarOptions.model_fields}
    assert names - {*AvatarData.model_fields} == {"angle"}


def test_a_new_field_needs_no_line_in_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    mood = Annotated[str, Field(max_length=3)]
    spec = make_dataclass("Spec", [("mood", mood, None)])
    monkeypatch.setattr(avatar, "AvatarSpec", spec)
    monkeypatch.setattr(avatar, "SPEC_FIELDS", ("mood",))
    monkeypatch.setattr(avatar, "JSON_NAMES", {"mood": "mood"})

    @add_missing_options()
    class Options(StrictModel):
        seed: str | None = None

    assert read_fields({"mood": "joy"}, Options).model_dump() == {"seed": None, "mood": "joy"}
    assert read_fields({}, Options).model_dump() == {"seed": None, "mood": None}
    with pytest.raises(InvalidRequest, match="mood must have at most 3 characters"):
        read_fields({"mood": "anger"}, Options)


def test_what_is_given_becomes_the_avatar_and_the_rest_stays_its_default() -> None:
    given = read_fields(
        {"type": "WAVE", "primaryColor": "abc", "foreignColor": "", "seed": "ada"}, AvatarOptions
    )
    assert given.spec() == AvatarSpec("wave", primary_color="#abc", seed="ada")
    assert read_fields({}, AvatarOptions).spec() == AvatarSpec()
    assert read_fields({"angle": 5}, GradientOptions).spec() == AvatarSpec("gradient", angle=5.0)


def test_an_angle_is_for_the_styles_that_have_one() -> None:
    with pytest.raises(InvalidRequest, match="angle is only for the type gradient"):
        read_fields({"angle": 5, "type": ""}, AvatarOptions)
    with pytest.raises(InvalidRequest, match="type must be one of pixelize, ") as refused:
        read_fields({"angle": 5, "type": "x"}, AvatarOptions)
    assert [problem.field for problem in refused.value.problems] == ["type"]
