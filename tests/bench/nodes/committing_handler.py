"""A bare handler behind OSCORE that commits one row: committing_handler.py CONTEXT FILE PORT."""

import asyncio
import sys

import aiocoap
from aiocoap import credentials, oscore, oscore_sitewrapper, resource
from sqlalchemy import LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from leafmanager.store import database


class Base(DeclarativeBase):
    """A schema of its own."""


class Body(Base):
    """What was posted."""

    __tablename__ = "bodies"

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class Bodies(resource.Resource):
    """Each POST is a row of a manager's store, safe from power cuts before it is answered."""

    def __init__(self, file: str):
        super().__init__()
        self._store = database.connect(f"sqlite:///{file}")
        with self._store.transaction() as session:
            Base.metadata.create_all(session.connection())

    async def render_post(self, request):
        with self._store.transaction() as session:
            session.add(Body(body=request.payload))
        return aiocoap.Message(code=aiocoap.CREATED, payload=request.payload)


async def main(directory: str, file: str, port: str):
    site = resource.Site()
    site.add_resource(["ace-group", "floor2"], Bodies(file))
    known = credentials.CredentialsMap()
    known[":client"] = oscore.FilesystemSecurityContext(directory)
    root = oscore_sitewrapper.OscoreSiteWrapper(site, known)
    here = ("127.0.0.1", int(port))
    await aiocoap.Context.create_server_context(root, bind=here, server_credentials=known)
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main(*sys.argv[1:]))
