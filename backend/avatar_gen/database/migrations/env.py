"""Run the migrations in the transaction that `schema.migrate` opened. Alembic executes this file."""

from alembic import context

from avatar_gen.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # Alembic assumes that SQLite commits each statement, but `sqlite.py` begins transactions itself.
    transactional_ddl=True,
)
context.run_migrations()
