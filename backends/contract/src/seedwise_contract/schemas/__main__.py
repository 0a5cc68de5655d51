"""`python -m seedwise_contract.schemas`: write the JSON Schemas beside this file from the models."""

from seedwise_contract.schemas import FOLDER, current, text

if __name__ == "__main__":
    for name, schema in current().items():
        (FOLDER / name).write_text(text(schema), encoding="utf-8")
