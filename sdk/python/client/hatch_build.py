"""Compiles the schemas into the package, where they lie beside it; an sdist has the result already."""

import re
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
# Where each schema lies in the repository, and the path it is compiled under. Two files of one name in one program fail, so the
# package has paths of its own.
SCHEMAS = {"orders.proto": "ibkr/orders/v1/orders.proto", "ibkr/simulator/v1/control.proto": "ibkr/simulator/v1/control.proto"}


class Stubs(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        package = HERE / "src" / "ibkr_orders" / "_pb"
        proto = HERE.parents[2] / "proto"
        if (proto / "orders.proto").exists():
            compile_schemas(proto, package)
        elif not (package / "orders_pb2.py").exists():
            raise RuntimeError(f"neither {proto} nor {package} is there: build from the repository or from an sdist")
        license_text = HERE.parents[2] / "LICENSE"
        if license_text.exists():
            shutil.copyfile(license_text, HERE / "LICENSE")


def compile_schemas(proto: Path, package: Path) -> None:
    """Writes typed stubs of both schemas into `package`."""
    import tempfile

    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    package.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        sources, out = Path(scratch) / "in", Path(scratch) / "out"
        out.mkdir()
        for source, path in SCHEMAS.items():
            (sources / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(proto / source, sources / path)
        arguments = [f"-I{sources}", f"-I{well_known}", f"--python_out={out}", f"--pyi_out={out}", *SCHEMAS.values()]
        if protoc.main(["protoc", *arguments]):
            raise RuntimeError("protoc failed; its words are above")
        for made in [*out.rglob("*.py"), *out.rglob("*.pyi")]:
            text = made.read_text()
            if made.suffix == ".pyi":
                # The compiler leaves the arguments of a generic type out, which a strict check of a user's program refuses.
                text = re.sub(r"_Mapping(?=\])", "_Mapping[str, _Any]", text)
                text = text.replace("from typing import ", "from typing import Any as _Any, ", 1)
            (package / made.name).write_text(text)
    (package / "__init__.py").write_text('"""Messages generated from the schemas. Use them through `ibkr_orders`."""\n')
