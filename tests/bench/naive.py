"""The application one would write first: a model per table, a commit per reading, NEWS2 in line.

Here to be compared with, never to be used. Same PostgreSQL, same durability.
"""

import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Observation(Base):
    __tablename__ = "naive_observation"
    __table_args__ = (sa.Index("naive_patient_at", "patient", "at"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    patient: Mapped[str]
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    value: Mapped[Decimal] = mapped_column(sa.Numeric)


class Incoming(BaseModel):
    id: str
    kind: str
    at: datetime
    values: dict[str, Any]


def create() -> FastAPI:
    engine = create_async_engine(os.environ["NAIVE_DATABASE"], pool_size=16)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    app = FastAPI()

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    @app.on_event("startup")
    async def prepare() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    @app.post("/v1/observations", status_code=201)
    async def observe(
        sent: Incoming, opened: Annotated[AsyncSession, Depends(session)]
    ) -> dict[str, Any]:
        value = Decimal(str(sent.values["value"]["value"]))
        patient = f"p{hash(sent.id) % 200}"
        opened.add(
            Observation(id=sent.id, patient=patient, kind=sent.kind, at=sent.at, value=value)
        )
        found = await opened.execute(
            sa.select(Observation)
            .where(Observation.patient == patient, Observation.at > sent.at - timedelta(hours=24))
            .order_by(Observation.at.desc())
            .limit(50)
        )
        score = sum(1 for each in found.scalars() if each.value > 200)
        await opened.commit()
        return {"id": sent.id, "score": score}

    return app
