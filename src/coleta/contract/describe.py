"""Stage 0: a contract as lines that a person reads."""

from __future__ import annotations

from coleta.contract.types import Contract, Decimal, Field, List, Rules, Struct, Type


def describe(contract: Contract) -> list[tuple[str, str, str]]:
    """One (name, type, notes) for each field, in column order; notes are empty where nothing is special."""
    return [(field.name, type_text(field.type), ", ".join(_notes(field))) for field in contract.fields]


def type_text(kind: Type) -> str:
    """`kind` as it is written in a contract."""
    match kind:
        case Decimal(precision=precision, scale=scale):
            return f"decimal({precision},{scale})"
        case List(item=item):
            return f"list[{_with_mark(item)}]"
        case Struct(fields=fields):
            return "{ " + ", ".join(f"{inner.name} = {_with_mark(inner)}" for inner in fields) + " }"
        case _:
            tag = kind.__struct_config__.tag
            return str(tag)


def _with_mark(field: Field) -> str:
    return type_text(field.type) + ("?" if field.nullable or not field.required else "")


def _notes(field: Field) -> list[str]:
    notes = []
    if field.path:
        notes.append("from $." + ".".join(field.path))
    if not field.required:
        notes.append("may be absent")
    if field.nullable:
        notes.append("may be null")
    return notes + _rules(field.rules)


def _rules(rules: Rules) -> list[str]:
    notes = []
    if rules.minimum is not None:
        notes.append(f"at least {rules.minimum}")
    if rules.maximum is not None:
        notes.append(f"at most {rules.maximum}")
    if rules.enum:
        notes.append("one of " + ", ".join(map(repr, rules.enum)))
    if rules.pattern is not None:
        notes.append(f"matches {rules.pattern}")
    if rules.min_length is not None:
        notes.append(f"length at least {rules.min_length}")
    if rules.max_length is not None:
        notes.append(f"length at most {rules.max_length}")
    return notes
