"""What Alembic runs: the migrations, in the transaction that `schema.migrate` opened."""

from alembic import context

from avatar_gen.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # Alembic takes SQLite to commit each statement; ours does not, for we begin transactions ourselves.
    transactional_ddl=True,
)
context.run_migrations()
