"""`execo-g5k password`."""

import click

from execo_g5k.credentials import SERVICE, forget_password, store_password
from execo_g5k.errors import CredentialsMissing


@click.command()
@click.option("--user", metavar="LOGIN", help="Whose; omitted: the configured one.")
@click.option("--forget", is_flag=True, help="Remove it from the key store.")
def password(user: str | None, forget: bool) -> int:
    """Keep the password of the API in the key store of the desktop.

    It is asked for here, and nowhere else: never give it on a command line, or in a file. Without
    a key store, EXECO_G5K_API_PASSWORD holds it, or it is asked for when it is needed.

    \b
    In Python:
      from execo_g5k.credentials import store_password
      store_password("alice")
    """
    if not forget:
        name = store_password(user)
        click.echo(f"the password of {name} is in the key store, as {SERVICE}")
        return 0
    try:
        found = forget_password(user)
    except CredentialsMissing:
        raise click.UsageError("whose password? --user LOGIN") from None
    click.echo("forgotten" if found else "there was none")
    return 0 if found else 1
