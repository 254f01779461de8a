"""docs/schema.prisma describes the tables that the migrations make in PostgreSQL."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import inspect
from sqlalchemy.engine import Inspector

from avatar_gen.database.engine import open_engines
from avatar_gen.database.schema import migrate
from tests.conftest import database
from tests.servers.postgres import Postgres

SCHEMA = Path(__file__).parents[2] / "docs" / "schema.prisma"
PACKAGE = "@prisma/prisma-schema-wasm@8.1.0-2.59be4fda12412a79eeb9c2ae727b6aa723593323"

TYPES = {
    "BigInt": "BIGINT",
    "Bytes": "BYTEA",
    "Float": "DOUBLE PRECISION",
    "Int": "INTEGER",
    "String @db.Uuid": "UUID",
}
"""Types of PostgreSQL, by those of Prisma."""

MODEL = re.compile(r"^model \w+ \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^  (\w+) +(\w+)(\??) *(.*)$", re.MULTILINE)
VARCHAR = re.compile(r"@db\.VarChar\((\d+)\)")
KEY = re.compile(r'@(@id|id|@index)\((?:\[([\w, ]+)\], )?map: "(\w+)"\)')


class Layout(NamedTuple):
    """A table: the type of each column and whether it may be null, and the columns of each index and key."""

    columns: dict[str, tuple[str, bool]]
    keys: dict[str, list[str]]


def described() -> dict[str, Layout]:
    """Return the tables of the Prisma schema."""
    return dict(map(_model, MODEL.findall(SCHEMA.read_text(encoding="utf-8"))))


def _model(body: str) -> tuple[str, Layout]:
    names, columns, keys = {}, {}, {}
    for field, kind, optional, attributes in FIELD.findall(body):
        mapped = re.search(r'@map\("(\w+)"\)', attributes)
        names[field] = mapped[1] if mapped else field
        columns[names[field]] = (_type(kind, attributes), bool(optional))
        for _, _, key in KEY.findall(attributes):
            keys[key] = [names[field]]
    for line in body.splitlines():
        if line.startswith("  @@") and (match := KEY.search(line)):
            keys[match[3]] = [names[field] for field in match[2].split(", ")]
    (table,) = re.findall(r'^  @@map\("(\w+)"\)$', body, re.MULTILINE)
    return table, Layout(columns, keys)


def _type(kind: str, attributes: str) -> str:
    if length := VARCHAR.search(attributes):
        return f"VARCHAR({length[1]})"
    return TYPES[f"{kind} @db.Uuid" if "@db.Uuid" in attributes else kind]


def _layout(found: Inspector, table: str) -> Layout:
    columns = {
        column["name"]: (column["type"].compile(found.dialect), column["nullable"])
        for column in found.get_columns(table)
    }
    primary = found.get_pk_constraint(table)
    keys = {str(index["name"]): list(map(str, index["column_names"])) for index in found.get_indexes(table)}
    return Layout(columns, {**keys, str(primary["name"]): primary["constrained_columns"]})


def test_it_has_the_tables_of_postgresql(postgres: Postgres) -> None:
    engines = open_engines(database(postgres.new_database()))
    migrate(engines)
    found = inspect(engines.write)
    tables = {table: _layout(found, table) for table in found.get_table_names() if table != "alembic_version"}
    engines.close()
    assert described() == tables


@pytest.mark.skipif(not shutil.which("npm"), reason="Prisma's own check of a schema needs Node and npm")
def test_prisma_takes_it(tmp_path: Path) -> None:
    impatient = ["--fetch-timeout=20000", "--fetch-retries=0"]
    install = ["npm", "install", "--silent", *impatient, "--prefix", str(tmp_path), PACKAGE]
    if subprocess.run(install, check=False, capture_output=True, timeout=120).returncode:
        pytest.skip("npm is here, but @prisma/prisma-schema-wasm cannot be had")
    program = """
        const [modules, path] = process.argv.slice(1);
        const prisma = require("node:module").createRequire(modules)("@prisma/prisma-schema-wasm");
        const files = [["schema.prisma", require("node:fs").readFileSync(path, "utf8")]];
        prisma.validate(JSON.stringify({ prismaSchema: files, noColor: true }));
        const uri = "file:/schema.prisma", options = { tabSize: 2, insertSpaces: true };
        const how = JSON.stringify({ textDocument: { uri }, options });
        process.stdout.write(JSON.parse(prisma.format(JSON.stringify(files), how))[0][1]);
    """
    command = ["node", "-e", program, f"{tmp_path}/", str(SCHEMA)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout == SCHEMA.read_text(encoding="utf-8")
