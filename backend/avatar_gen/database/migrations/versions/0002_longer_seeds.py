"""Seeds of 256 characters: an e-mail address or a path must fit."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite cannot alter a column: Alembic copies the table. PostgreSQL changes its catalogue alone.
    with op.batch_alter_table("stored_avatars") as table:
        table.alter_column("seed", existing_type=sa.String(32), type_=sa.String(256), existing_nullable=True)
