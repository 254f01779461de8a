"""What models refuse, in the service's own words."""

from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from avatar_gen.api import identities, picker, requests
from avatar_gen.errors import InvalidRequest
from avatar_gen.services import avatar_options, photos, render_options
from avatar_gen.services.validation import _MESSAGES, StrictModel, read_fields

VALUES: tuple[object, ...] = (
    None,
    True,
    1,
    -1,
    1.5,
    10**9,
    float("nan"),
    "",
    "x",
    "x" * 5000,
    [],
    [1],
    ["x"],
    ["wave"] * 99,
    {},
)

OWN_WORDS = {*_MESSAGES, "literal_error", "extra_forbidden"}

PYDANTICS = {*get_args(ErrorType)} - OWN_WORDS


def models(base: type[BaseModel] = StrictModel) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("avatar_gen."):
            yield model
            yield from models(model)


MODELS: set[type[BaseModel]] = {*models()}


def test_all_models_are_found() -> None:
    assert {each.__module__ for each in MODELS} >= {
        module.__name__ for module in (identities, picker, requests, avatar_options, photos, render_options)
    }


@pytest.mark.parametrize("model", sorted(MODELS, key=str))
def test_no_error_is_in_the_words_of_pydantic(model: type[BaseModel]) -> None:
    kinds: set[str] = set()
    # Models that are not strict read queries and forms, which have texts alone.
    values = VALUES if model.model_config.get("strict") else [str(each) for each in VALUES]
    for field in model.model_fields:
        for value in values:
            try:
                model.model_validate({field: value})
            except ValidationError as error:
                kinds.update(each["type"] for each in error.errors())
            except InvalidRequest:
                pass
    assert not kinds & PYDANTICS


def test_an_empty_list_and_a_long_one_are_refused_in_plain_words() -> None:
    link = {"identity": "a" * 32}
    for fields, message in (
        ({"styles": []}, "styles must not be empty."),
        ({"styles": "wave"}, "styles must be a list."),
        ({"styles": ["wave"] * 99}, "styles must have at most 12 entries."),
        ({"seed": ""}, "seed must not be empty."),
        ({"photos": 1}, "photos must be true or false."),
    ):
        with pytest.raises(InvalidRequest) as refused:
            read_fields({**link, **fields}, picker.PickerLinkOptions)
        assert str(refused.value) == message
