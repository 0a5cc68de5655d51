from seedwise.cli import app

app(prog_name="seedwise")
