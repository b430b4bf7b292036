"""`python -m fsrvos_cli`."""

from fsrvos_cli.main import main

main()
