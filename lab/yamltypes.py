"""The types of dataclasses as pydantic validates by them, and the JSON Schema that follows; for `lab/yamlfile.py`.

What a file may say is what the fields of its dataclasses say: a field `in_` stands there as `in`, a tuple may be given
as one item, and `SHORT` names the field that something plain in place of the mapping fills. Each reader adds a
vocabulary: what its `NewType`s look like in a file.
"""

import dataclasses
import difflib
import re
import types
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Strict,
    Tag,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    WrapValidator,
    create_model,
)
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from lab.errors import UsageError

Find = Callable[[str], Any]
SCALARS: dict[Any, Any] = {
    str: Annotated[str, Strict()],
    int: Annotated[int, Strict()],
    float: Annotated[float, Strict(), Field(allow_inf_nan=False)],
    bool: Annotated[bool, Strict()],
    Any: JsonValue,
}
JSON = "something that JSON has"
WORDS = {str: "text", int: "a whole number", float: "a number", bool: "`true` or `false`"}
# The same, by what pydantic says of a value that is something else.
EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "`true` or `false`",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "invalid-json-value": JSON,
}


@dataclasses.dataclass(frozen=True)
class Reading:
    """What values depend on apart from their type: `names` finds the thing of a name for a `NewType`, or raises
    `UsageError`; `form` is the one that is wanted of a `{short: …, long: …}`."""

    names: Mapping[Any, Find] = dataclasses.field(default_factory=dict)
    form: str = ""


@dataclasses.dataclass(frozen=True)
class Wrong:
    """What is wrong at `loc`, the keys and indices that lead there: a `sentence`, or in words what is `expected`. With
    `key` it is the key there that is wrong, not its value."""

    loc: tuple[int | str, ...]
    sentence: str = ""
    expected: str = ""
    advice: str = ""
    key: bool = False


# --- what a vocabulary is made of ---


def text(expected: str, pattern: str, read: Find = str, numbers: bool = False) -> Any:
    """A text of a certain form; with `numbers` one that YAML takes for a number too. `read` makes the value, or raises
    `UsageError`."""
    form = re.compile(pattern, re.ASCII)

    def check(value: Any) -> Any:
        value = str(value) if numbers and type(value) in (int, float) else value
        if not isinstance(value, str) or not form.fullmatch(value):
            raise _should_be(expected)
        return _tell(read, value)

    schema: dict[str, Any] = {"type": "string", "pattern": f"^({pattern})$"}
    if numbers:
        schema = {"anyOf": [schema, {"type": "number"} if form.fullmatch("1") else {"const": 0}]}
    return Annotated[Any, BeforeValidator(check), WithJsonSchema(schema)]


def one_of(kind: str, names: Iterable[str]) -> Any:
    """A name out of a few that never change."""
    options = tuple(names)
    return Annotated[
        str,
        Strict(),
        AfterValidator(partial(_tell, known(kind, options))),
        Field(json_schema_extra={"enum": [*options]}),
    ]


def joined(separator: str) -> Any:
    """A text, or a list of its parts."""
    return Annotated[_one_or_many(SCALARS[str]), AfterValidator(separator.join)]


def list_or_mapping(item: Any, value: Any) -> Any:
    """A list of items, or a mapping with a value for each."""
    key, held = SCALARS[item], SCALARS[value]
    forms: dict[str, Any] = {"<list>": list[key], "<mapping>": dict[key, held]}  # type: ignore[valid-type]
    return _either(lambda given: "<mapping>" if isinstance(given, dict) else "<list>", forms)


def at_least(least: int) -> Any:
    """A whole number that is not below `least`."""
    return Annotated[int, Strict(), Field(ge=least)]


def by_length(name: str, of: Any) -> Any:
    """A value, or `{short: …, long: …}` with one for each length of a scenario."""
    both = create_model(name, __config__=ConfigDict(extra="forbid"), short=(of, ...), long=(of, ...))

    def chosen(value: Any, info: ValidationInfo[Reading]) -> Any:
        return getattr(value, info.context.form) if isinstance(value, both) else value

    forms = _either(lambda value: "<both>" if _has_lengths(value) else "<one>", {"<one>": of, "<both>": both})
    return Annotated[forms, AfterValidator(chosen)]


def known(kind: str, names: Iterable[str]) -> Find:
    """Finds a name in what there is, or says what there is."""
    options = tuple(names)

    def find(name: str) -> str:
        if name not in options:
            raise UsageError(f"there is no {kind} `{name}`; {suggestion(name, options, 'there are ')}")
        return name

    return find


def suggestion(name: str, names: Iterable[str], otherwise: str = "known are ") -> str:
    """The name that was perhaps meant, else all that there are."""
    options = [*names]
    close = [
        near
        for given in (name, name.lower().replace("-", "_"))
        for near in difflib.get_close_matches(given, options, 1)
    ]
    return f"did you mean `{close[0]}`?" if close else otherwise + ", ".join(f"`{option}`" for option in options)


# --- types ---


class Types:
    """What a vocabulary makes of the types of dataclasses."""

    def __init__(self, vocabulary: Mapping[Any, Any]) -> None:
        self._made: dict[Any, Any] = {**SCALARS, **vocabulary}
        self._adapters: dict[Any, TypeAdapter[Any]] = {}

    def validate(self, hint: Any, value: Any, reading: Reading) -> tuple[Any, list[Wrong]]:
        """The value as a `hint`, or all that is wrong with it."""
        if hint not in self._adapters:
            self._adapters[hint] = TypeAdapter(self.of(hint))
        try:
            return self._adapters[hint].validate_python(value, context=reading), []
        except ValidationError as error:
            return None, [_wrong(details) for details in error.errors(include_url=False)]

    def schema(self, title: str, hint: Any) -> dict[str, Any]:
        """The JSON Schema of a file that holds a `hint`."""
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
        return head | TypeAdapter(self.of(hint)).json_schema(schema_generator=_Schema) | head

    def of(self, hint: Any) -> Any:
        """A type as pydantic is to see it."""
        if hint not in self._made:
            self._made[hint] = self._make(hint)
        return self._made[hint]

    def table(
        self, name: str, fields: Mapping[str, Any], required: Iterable[str] = (), doc: str = "", **extra: Any
    ) -> type[BaseModel]:
        """A mapping with these fields, made of key -> type; `extra` goes into its schema. A key of another name is an
        error that knows the fields. Its fields are numbered, for a key can be called as pydantic calls its own."""

        def refuse(_: Any) -> Any:
            raise PydanticCustomError("unknown", "unknown", {"known": tuple(fields)})

        rest = dict[str, Annotated[Any, BeforeValidator(refuse)]]
        config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": False} | extra)
        body = {"__annotations__": {"__pydantic_extra__": rest}, "__module__": __name__, "model_config": config}
        definitions: dict[str, Any] = {
            f"field{index}": (
                self.of(hint),
                Field(alias=key) if key in required else Field(alias=key, default_factory=type(None)),
            )
            for index, (key, hint) in enumerate(fields.items())
        }
        base = type(name, (BaseModel,), body)
        return create_model(name, __base__=base, __doc__=" ".join(doc.split()) or None, **definitions)

    def _make(self, hint: Any) -> Any:
        origin, args = get_origin(hint), get_args(hint)
        if dataclasses.is_dataclass(hint):
            return self._dataclass(hint)
        if hasattr(hint, "__supertype__"):
            return Annotated[self.of(hint.__supertype__), AfterValidator(partial(_find, hint))]
        if origin in (Union, types.UnionType):
            return self._union([part for part in args if part is not type(None)])
        if origin is tuple:
            return _one_or_many(self.of(args[0]))
        if origin is list:
            return list[self.of(args[0])]  # type: ignore[misc]
        if origin is dict:
            return dict[self.of(args[0]), self.of(args[1])]  # type: ignore[misc]
        if origin is Literal:
            return Literal[tuple(option for option in args if option)]
        return hint

    def _union(self, parts: list[Any]) -> Any:
        if len(parts) == 1:
            return self.of(parts[0])
        expected = ", ".join(WORDS.get(part, "a mapping") for part in parts)

        def check(value: Any, handler: Callable[[Any], Any]) -> Any:
            try:
                return handler(value)
            except ValidationError:  # one for each of the types
                raise _should_be(expected) from None

        return Annotated[Union[tuple(map(self.of, parts))], WrapValidator(check)]  # noqa: UP007

    def _dataclass(self, kind: Any) -> Any:
        """Its fields; what `SHORT` allows in their place; nothing, when no field must be there."""
        hints, short = get_type_hints(kind), getattr(kind, "SHORT", "")
        fields = {field.name.rstrip("_"): field for field in dataclasses.fields(kind)}
        required = [key for key, field in fields.items() if must_be_given(field)]
        table = self.table(kind.__name__, {k: hints[f.name] for k, f in fields.items()}, required, kind.__doc__ or "")
        names = {f"field{index}": field.name for index, field in enumerate(fields.values())}

        def prepare(value: Any) -> Any:
            if value is not None and not isinstance(value, dict):
                raise _should_be(f"a mapping such as `{next(iter(fields), '')}: …`")
            return value or {}

        def build(values: BaseModel) -> Any:
            return kind(**{names[name]: getattr(values, name) for name in names.keys() & values.model_fields_set})

        forms: dict[str, Any] = {"<full>": Annotated[table, BeforeValidator(prepare), AfterValidator(build)]}
        if short:
            forms["<short>"] = Annotated[self.of(hints[short]), AfterValidator(lambda value: kind(**{short: value}))]
        if not required:
            forms["<nothing>"] = Annotated[None, AfterValidator(lambda _: kind())]

        def discriminate(value: Any) -> str:
            if value is None:
                return "<full>" if required else "<nothing>"
            return "<short>" if short and (not isinstance(value, dict) or _has_lengths(value)) else "<full>"

        return _either(discriminate, forms)


def must_be_given(field: "dataclasses.Field[Any]") -> bool:
    """Whether a field has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _one_or_many(item: Any) -> Any:
    """A tuple, which may be given as its one item."""
    forms = {"<one>": item, "<many>": list[item]}
    either = _either(lambda value: "<many>" if isinstance(value, list) else "<one>", forms)
    return Annotated[either, AfterValidator(lambda value: tuple(value) if isinstance(value, list) else (value,))]


def _has_lengths(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"short", "long"}


def _either(discriminate: Callable[[Any], str], forms: dict[str, Any]) -> Any:
    """One of several forms, chosen by a look at the value, so that problems are those of the form that was meant."""
    if len(forms) == 1:
        return next(iter(forms.values()))
    tagged = tuple(Annotated[form, Tag(tag)] for tag, form in forms.items())
    return Annotated[Union[tagged], Discriminator(discriminate)]  # noqa: UP007


# --- problems ---


def _should_be(expected: str) -> PydanticCustomError:
    return PydanticCustomError("expected", "{expected}", {"expected": expected})


def _tell(find: Find, value: str) -> Any:
    try:
        return find(value)
    except UsageError as error:
        raise PydanticCustomError("sentence", "{sentence}", {"sentence": error.message}) from None


def _find(hint: Any, value: Any, info: ValidationInfo[Reading]) -> Any:
    find = info.context.names.get(hint)
    return _tell(find, value) if find else value


def _wrong(details: ErrorDetails) -> Wrong:
    """What pydantic found, as we say it; its path without the tags of forms."""
    kind, context = details["type"], details.get("ctx", {})
    loc = tuple(part for part in details["loc"] if not str(part).startswith("<"))
    if kind == "missing":
        return Wrong(loc[:-1], f"`{loc[-1]}` is missing")
    if kind == "unknown":
        return Wrong(loc, f"this has no `{loc[-1]}`; {suggestion(str(loc[-1]), context['known'])}")
    if kind == "invalid_key" or loc[-1:] == ("[key]",):
        expected = context.get("expected", "text")
        return Wrong(tuple(part for part in loc if part != "[key]"), expected=expected, key=True)
    if kind in ("sentence", "value_error"):
        return Wrong(loc, str(context.get("sentence") or context["error"]))
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", context["expected"])
        near = difflib.get_close_matches(str(details["input"]), options, 1)
        told = "one of " + ", ".join(f"`{option}`" for option in options)
        return Wrong(loc, expected=told, advice=f"; did you mean `{near[0]}`?" if near else "")
    if kind == "greater_than_equal":
        return Wrong(loc, expected=f"{context['ge']} or more")
    return Wrong(loc, expected=context.get("expected") or EXPECTED.get(kind) or details["msg"])


class _Schema(GenerateJsonSchema):
    """Without a title for each field, which only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False
