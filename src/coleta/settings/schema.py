"""Settings, for editors: the JSON Schema of ``coleta.toml``, with a line for each key. Pure.

It knows the shape only. What one value means for another is told by ``coleta check``, and each key is
explained in docs/reference/project-file.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from coleta.contract.rules import RULE_KEYS
from coleta.contract.types import type_names
from coleta.settings.mistakes import Keys
from coleta.settings.model import TABLES
from coleta.settings.units import format_duration, format_size

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MUST: dict[Keys, list[str]] = {
    (): ["version", "project", "store", "stream"],
    ("store", "NAME"): ["url"],
    ("auth", "NAME"): ["token_url", "client_id"],
    ("api", "NAME"): ["url"],
    ("stream", "NAME"): ["contract"],
}
"""What must be there though it may be None in the model, so that one mistake hides no other."""

DESCRIPTIONS: dict[Keys, dict[str, str]] = {
    (): {
        "version": "The version of this file's shape.",
        "project": "The project's name: a letter a-z, then a-z, 0-9, _ or -.",
        "spool": "Where accepted answers wait on this machine.",
        "retention": "How long each stream keeps what is no row of the table, unless it says otherwise.",
        "maintenance": "When coleta up does upkeep.",
        "store": "Where data lands: [store.NAME].",
        "auth": "Where streams get their tokens: [auth.NAME].",
        "api": "What the streams of one API share: [api.NAME].",
        "alerts": "How a person is told of trouble.",
        "stream": "What is collected: [stream.NAME].",
    },
    ("spool",): {
        "path": "The folder where accepted answers wait until they are landed.",
        "quota": "The most that the spool may hold. When it is reached, fetching stops; nothing is dropped.",
        "allow_tmpfs": "Whether the spool may lie in memory, which a power cut empties.",
    },
    ("retention",): {
        "archive": "How long the copies of answers that have landed are kept.",
        "quarantine": "How long records that broke the contract are kept.",
        "superseded": "How long answers are kept whose time other answers hold.",
        "data": "How long rows are kept. They are taken away for ever; not where a table is kept.",
    },
    ("maintenance",): {
        "window": "The part of each day in which upkeep may work: 02:00-04:00. Without it, at any time.",
        "zone": "The time zone of window, such as America/Sao_Paulo.",
    },
    ("store", "NAME"): {
        "url": "Where the store is: file://./lake, s3://bucket/prefix, az://container/prefix, gs://bucket/prefix, …",
        "region": "The bucket's region.",
        "account": "The storage account that the container belongs to.",
        "endpoint": "The base URL of the service, without bucket and path, where it is not the cloud itself.",
        "path_style": "Whether requests name the bucket in their path, or else before the host.",
        "allow_http": "Whether an http:// endpoint on another machine may be used.",
        "sse": "Which encryption is asked for with each object.",
        "kms_key": 'The id, ARN or alias of the KMS key; with sse = "aws:kms" only.',
        "storage_class": "The storage class of each object; one that can be read at once.",
        "access_key": "Where the access key is found: env:NAME or file:PATH.",
        "secret_key": "Where its secret is found: env:NAME or file:PATH.",
        "session_token": "Where the session's token is found: env:NAME or file:PATH.",
        "account_key": "Where the account's key is found: env:NAME or file:PATH.",
        "sas_token": "Where a shared access signature is found: env:NAME or file:PATH.",
        "service_account": "Where the JSON key of a service account is found: file:PATH or env:NAME.",
        "token": "Where a bearer token is found: env:NAME or file:PATH.",
        "user": "Who logs in.",
        "password": "Where the user's password is found: env:NAME or file:PATH.",
        "private_key": "Where the user's SSH key is found: file:PATH or env:NAME.",
        "known_hosts": "The file of SSH host keys that are trusted.",
        "exclusive": "Your promise that no other machine or process lands in this store at the same time.",
        "options": "What fsspec's filesystem is made with; secrets as env:NAME or file:PATH.",
        "catalog": "The URL of what knows its Iceberg tables, a database or a REST catalog, or env:NAME, file:PATH.",
        "catalog_token": "Where a REST catalog's bearer token is found: env:NAME or file:PATH.",
        "catalog_credential": "Where a REST catalog's client_id:client_secret is found: env:NAME or file:PATH.",
        "catalog_auth_url": "Where a token is asked for with it, by https; by default the catalog itself.",
        "catalog_scope": "What that token is to be good for.",
        "catalog_warehouse": "Which of a REST catalog's warehouses is meant.",
        "namespace": "Under which name its Iceberg tables are together; by default the project's.",
        "timeout": "The most that one request may take.",
    },
    ("auth", "NAME"): {
        "token_url": "Where a token is asked for, by https.",
        "client_id": "The client's id, or where it is found: env:NAME or file:PATH.",
        "client_secret": "Where the client's secret is found: env:NAME or file:PATH.",
        "refresh_token": "Where the first refresh token is found; without it the client's own credentials are used.",
        "scope": "What the token is to be good for.",
        "audience": "Whom the token is for.",
        "style": "Whether the client's id and secret stand in the request's header or in its body.",
        "allow_addresses": "Networks that the URL's host may lead to though they are private: 10.0.0.0/8",
    },
    ("api", "NAME"): {
        "url": "What the URLs of all its streams begin with.",
        "params": "Query parameters of all of them.",
        "headers": "Request headers of all of them. A secret is written as env:NAME or file:PATH.",
        "auth": "The name of an [auth.NAME], whose token is sent.",
        "pages": "How further pages are asked for.",
        "verify_tls": "Whether the server's certificate is checked.",
        "redirects": "Whether redirects are followed: not at all, or only to the same scheme, host and port.",
        "allow_addresses": "Networks that the URL's host may lead to though they are private: 10.0.0.0/8",
        "timeout": "The most that one request may take.",
        "deadline": "The most that one tick may take, with all its pages and retries.",
        "retry_unsafe": "Whether a POST may be sent again after a failure.",
    },
    ("alerts",): {
        "command": "A program with its arguments, which gets the news as JSON on its standard input.",
    },
    ("stream", "NAME"): {
        "store": "The name of a [store.NAME]; must be there where there are several.",
        "path": "Where the stream lies in its store; by default its name.",
        "was": "The name that its log has, where it began under another one.",
        "api": "The name of an [api.NAME], which says all that is not said here.",
        "endpoint": "What follows the API's URL: /orders?kind=sale. It may name the tick.",
        "url": "What is asked, by http or https. It may name the tick: {tick.start}, {tick.end}.",
        "method": "The HTTP method.",
        "params": "Query parameters. A value may name the tick; a list is sent as the same name several times.",
        "body": "A JSON object that is sent, by POST. Its texts may name the tick; a secret is written as env:NAME.",
        "form": "Parameters that are sent as a form, by POST.",
        "graphql": "A GraphQL query that is sent, by POST.",
        "headers": "Request headers. A secret is written as env:NAME or file:PATH.",
        "auth": "The name of an [auth.NAME], whose token is sent.",
        "pages": "How further pages are asked for.",
        "verify_tls": "Whether the server's certificate is checked.",
        "redirects": "Whether redirects are followed: not at all, or only to the same scheme, host and port.",
        "allow_addresses": "Networks that the URL's host may lead to though they are private: 10.0.0.0/8",
        "conditional": "Whether it is asked only for what is new, by ETag or Last-Modified; a 304 is then an answer.",
        "every": "A tick at each multiple of this since 1970-01-01T00:00:00Z. Exactly one of every and cron.",
        "cron": "A tick at each time that five fields name: minute, hour, day of month, month, day of week.",
        "zone": "The time zone in which cron is read, such as America/Sao_Paulo.",
        "delay": "How long after its end a tick is asked at the earliest.",
        "catch_up": "Which missed ticks are still asked: all, the latest, or none. Others become gaps.",
        "timeout": "The most that one request may take.",
        "deadline": "The most that one tick may take, with all its pages and retries.",
        "max_answer": "The most that one answer may hold, decoded.",
        "allow_empty": "Whether a body of no bytes is an answer without records.",
        "error_at": "Where a page tells of an error: errors. If something stands there, the page is not the data.",
        "retry_unsafe": "Whether a POST may be sent again after a failure.",
        "contract": 'The fields to keep, with their types: { ean = "int", price = "decimal(9,2)?" }',
        "expect": "What a page is: an array of records, or an object.",
        "records": "Where in an object the array of records is: data.items",
        "format": "How a page is written: as one JSON text, as a line of JSON for each record, or as CSV.",
        "delimiter": "What stands between the cells of CSV; by default a comma.",
        "columns": "The names of the columns of CSV, where its first row does not give them.",
        "on_violation": "What becomes of a record that breaks the contract.",
        "unknown": "What becomes of fields that the contract does not name.",
        "key": "The fields by which a record that comes twice within one answer is known.",
        "cursor": "The field that says when a record is from, or how far records are known.",
        "cursor_start": "What {cursor} stands for until a record has been seen.",
        "lag": "How far behind the greatest cursor value is asked again, for records that come late.",
        "budget": "The share of records that may break the contract before `coleta run` fails.",
        "archive": "Whether answers are copied to the store: none, before they are landed, or first of all.",
        "lease": "Whether of several collectors one asks and the others wait.",
        "table": "Which kind of table is kept over what has landed. It needs the extra of the same name.",
        "checks": "What makes a whole answer look wrong, and what is done then.",
        "land": "When waiting answers become a data object.",
        "retention": "How long what is no row of the table is kept; what is missing is as [retention] says.",
    },
    ("stream", "NAME", "checks"): {
        "min_rows": "How many records an answer is expected to have at least.",
        "on_few": "What is done with an answer of fewer records than min_rows.",
        "on_empty": "What is done with an answer without records.",
        "on_same": "What is done with an answer that is byte for byte the one before it.",
    },
    ("stream", "NAME", "graphql"): {
        "query": "The query, as it is sent.",
        "variables": "The query's variables. Their texts may name the tick.",
    },
    ("stream", "NAME", "land"): {
        "every": "How old the oldest waiting answer becomes before all that wait land as one object.",
        "max_bytes": "The size of what waits at which it is landed sooner.",
    },
    ("stream", "NAME", "pages"): {
        "kind": "How pages are told apart.",
        "param": "The query parameter that holds what the page is asked by.",
        "first": "What the first page is asked by.",
        "size_param": "The query parameter that holds size.",
        "size": "How many records a full page holds.",
        "next": "Where a page says what the next one is asked by, or gives its URL: meta.next",
        "header": "The response header that says what the next page is asked by.",
        "rel": "The relation of the link to the next page in the Link header.",
        "total": "Where a page says how many records there are in all.",
        "total_pages": "Where a page says how many pages there are.",
        "has_more": "Where a page says, by true or false, whether another follows.",
        "stop_after_empty_page": "Whether a page without records is the last.",
        "max_pages": "The most pages of one answer.",
        "into": "Whether param and size_param stand in the query, or in the body (then with dots: variables.after).",
        "concurrency": "How many pages are asked for at once.",
    },
    ("stream", "NAME", "retention"): {
        "archive": "How long the copies of answers that have landed are kept.",
        "quarantine": "How long records that broke the contract are kept.",
        "superseded": "How long answers are kept whose time other answers hold.",
        "data": "How long rows are kept. They are taken away for ever; not where a table is kept.",
    },
}
DESCRIPTIONS["api", "NAME", "pages"] = DESCRIPTIONS["stream", "NAME", "pages"]
"""A line for each key, by where its table stands."""

Schema = dict[str, Any]


def file_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of the whole file."""
    made = TABLES[()].model_json_schema()
    tables = {keys: (made if not keys else made["$defs"][model.__name__]) for keys, model in TABLES.items()}
    for keys, table in tables.items():
        _explain(table, keys, TABLES[keys])
    stream = tables["stream", "NAME"]
    stream["properties"]["contract"] |= _contract()
    stream["anyOf"] = [{"required": ["url"]}, {"required": ["api"]}]
    stream["oneOf"] = [{"required": ["every"]}, {"required": ["cron"]}]
    made["$defs"]["Field"] = _field()
    return {"$schema": DIALECT, **made, "title": "coleta.toml", "description": "A project of Coleta."}


def _explain(table: Schema, keys: Keys, model: type[BaseModel]) -> None:
    """Make a table of the model one of the file: what may be None may be absent, and values are as written."""
    for name, found in table["properties"].items():
        shown = {key: value for key, value in _without_null(found).items() if key not in ("title", "default")}
        default = _written(model.model_fields[name].default, shown)
        table["properties"][name] = {**shown, "description": DESCRIPTIONS[keys][name]}
        if default is not None:
            table["properties"][name]["default"] = default
    must = [*table.get("required", ()), *_MUST.get(keys, ())]
    if must:
        table["required"] = list(dict.fromkeys(must))
    table["title"] = ".".join(keys) or "coleta.toml"
    table["description"] = (model.__doc__ or "").replace("``", "`")


def _without_null(found: Schema) -> Schema:
    kinds = [kind for kind in found.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return found
    return {**{key: value for key, value in found.items() if key != "anyOf"}, **kinds[0]}


def _written(default: object, shown: Schema) -> object:
    """`default` as one would write it; None where nothing stands for it."""
    match default:
        case timedelta():
            return format_duration(default)
        case bool() | str() | float():
            return default
        case int():
            return format_size(default) if shown.get("type") == "string" else default
    return None


def _contract() -> Schema:
    return {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/Field"}}


def _field() -> Schema:
    """A field of a contract: a word, or a table."""
    words = "|".join(type_names)
    single = rf"(?:{words}|decimal\(\s*\d+\s*,\s*\d+\s*\))"
    word = {"type": "string", "pattern": rf"^(?:{single}|list\[.+\]|list|struct)\??$"}
    short = {"type": "string", "pattern": rf"^(?:(?:{single}|list\[.+\])\?? +)?\$.*[^?]$"}
    keys: Schema = {
        "type": word,
        "required": {"type": "boolean", "description": "Whether the field must be there."},
        "nullable": {"type": "boolean", "description": "Whether it may be null."},
        "path": {
            "type": "string",
            "description": "Where the value lies in the record: $.user.login",
            "pattern": r"^\$",
        },
        "fields": {
            "type": "object",
            "description": "The fields of a struct.",
            "additionalProperties": {"$ref": "#/$defs/Field"},
        },
        "item": {"$ref": "#/$defs/Field"},
    }
    rules: Schema = {key: {"description": "A rule: docs/reference/contract.md"} for key in RULE_KEYS}
    table = {"type": "object", "additionalProperties": False, "properties": {**keys, **rules}}
    return {"title": "field", "description": "A type's word, a path, both, or a table.", "anyOf": [word, short, table]}
