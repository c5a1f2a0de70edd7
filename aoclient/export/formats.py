"""File formats: JSON lines and CSV, plain or compressed."""

from __future__ import annotations

import csv
import gzip
import io
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, cast

from attrs import field, frozen

from aoclient.errors import ConfigurationError, MissingExtraError
from aoclient.export.columns import Kind
from aoclient.export.lines import encode, lines_of
from aoclient.export.moments import write_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aoclient.export.columns import Row, Table

Compression: TypeAlias = Literal["gzip", "zstd"]
"""How a file is compressed; ``zstd`` needs the extra of that name."""

_SUFFIXES: Mapping[str | None, str] = {None: "", "gzip": ".gz", "zstd": ".zst"}


def _check_compression(_: object, __: object, value: Any) -> None:  # Any: mypy takes the type of the field from it
    if value not in _SUFFIXES:
        raise ConfigurationError(f"compression must be gzip, zstd or None, got {value!r}")


def _check_dialect(_: object, __: object, value: Any) -> None:  # Any: as above
    if value not in csv.list_dialects():
        raise ConfigurationError(f"there is no csv dialect {value!r}; expected one of {', '.join(csv.list_dialects())}")


class RowWriter(Protocol):
    """Writes rows to one file."""

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows."""
        ...

    def close(self) -> None:
        """Write what is left; the file itself stays open."""
        ...


class FileFormat(Protocol):
    """How the rows of a shard become a file."""

    @property
    def suffix(self) -> str:
        """End of the file's name."""
        ...

    def check(self) -> None:
        """Import what is needed.

        Raises:
            MissingExtraError: It is not installed.
        """
        ...

    def writer(self, file: IO[bytes], table: Table) -> RowWriter:
        """Return what writes rows to an open file; it begins at once."""
        ...


def extra(module: str, name: str) -> Any:  # Any: the module, which need not be there
    """Import the module of an extra.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"{module.partition('.')[0]} is not installed: pip install 'aoclient[{name}]'"
        ) from None


def _compressed(file: IO[bytes], compression: Compression | None) -> IO[bytes]:
    """Return a file to write to; closing it leaves the inner one open. The bytes depend on what is written alone."""
    if compression == "gzip":
        return cast("IO[bytes]", gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0))
    if compression == "zstd":
        return cast("IO[bytes]", _Zstandard(file))
    return cast("IO[bytes]", _Open(file))


class _Open:
    """A file that stays open when it is closed."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write

    def close(self) -> None:
        """Do nothing."""


class _Zstandard:
    """A file compressed by a compressor that serves one file after the other.

    One made for each file left its tables behind in pieces, so that memory grew with the number of files. As many
    stay as were at work at once, 0.9 MB each.
    """

    _idle: ClassVar[list[Any]] = []  # Any: the package need not be there

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._compressor = self._idle.pop()
        except IndexError:
            self._compressor = _new_compressor()
        self._stream = self._compressor.stream_writer(file, closefd=False)
        self.write = self._stream.write

    def close(self) -> None:
        """End the frame; the inner file stays open."""
        self._stream.close()
        self._idle.append(self._compressor)


def _new_compressor() -> Any:  # Any: as above
    zstandard = extra("zstandard", "zstd")
    # Smaller tables than those of level 3, since many files are written at once: 0.9 MB each in place of 1.3. Rows of
    # the same keys are compressed no worse.
    settings = zstandard.ZstdCompressionParameters.from_level(3, window_log=18, hash_log=16, chain_log=15)
    return zstandard.ZstdCompressor(compression_params=settings)


# --- JSON lines ---------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class JsonLines:
    """One JSON object in each line, UTF-8.

    Args:
        compression: ``gzip``, ``zstd`` or None.
    """

    compression: Compression | None = field(default=None, validator=_check_compression)

    @property
    def suffix(self) -> str:
        """``.jsonl`` and that of the compression."""
        return f".jsonl{_SUFFIXES[self.compression]}"

    def check(self) -> None:
        """Import what the compression needs."""
        if self.compression == "zstd":
            extra("zstandard", "zstd")

    def writer(self, file: IO[bytes], table: Table) -> RowWriter:
        """Return the writer of one file."""
        return _JsonLinesWriter(_compressed(file, self.compression), table)


class _JsonLinesWriter:
    def __init__(self, file: IO[bytes], table: Table) -> None:
        self._file = file
        self._lines = lines_of(table)

    def write(self, rows: Sequence[Row]) -> None:
        self._file.write(self._lines(rows))

    def close(self) -> None:
        self._file.close()


# --- CSV ----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Csv:
    """Comma separated values with a heading, UTF-8. None is an empty cell, and so is an empty text.

    Args:
        dialect: Name of a dialect of the `csv` module, ``excel``, ``excel-tab`` or ``unix``, or one registered there.
        excel_safe: Put ``'`` in front of texts that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return,
            so that no spreadsheet takes what a learner typed for a formula.
        compression: ``gzip``, ``zstd`` or None.
    """

    dialect: str = field(default="excel", validator=_check_dialect)
    excel_safe: bool = False
    compression: Compression | None = field(default=None, validator=_check_compression)

    @property
    def suffix(self) -> str:
        """``.csv`` and that of the compression."""
        return f".csv{_SUFFIXES[self.compression]}"

    def check(self) -> None:
        """Import what the compression needs."""
        if self.compression == "zstd":
            extra("zstandard", "zstd")

    def writer(self, file: IO[bytes], table: Table) -> RowWriter:
        """Return the writer of one file."""
        return _CsvWriter(_compressed(file, self.compression), table, self)


class _CsvWriter:
    def __init__(self, file: IO[bytes], table: Table, settings: Csv) -> None:
        self._file = file
        self._buffer = io.StringIO(newline="")
        self._csv = csv.writer(self._buffer, dialect=settings.dialect)
        texts: Mapping[Kind, Callable[[Any], object]] = {
            Kind.FLAG: _write_flag,
            Kind.TIMESTAMP: write_moment,
            Kind.JSON: encode,
        }
        if settings.excel_safe:
            texts = {**texts, Kind.TEXT: _without_formula, Kind.JSON: lambda value: _without_formula(encode(value))}
        self._steps = [(at, texts[each.kind]) for at, each in enumerate(table.columns) if each.kind in texts]
        self._csv.writerow(table.names)

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            values = list(row)
            for at, step in self._steps:
                if values[at] is not None:
                    values[at] = step(values[at])
            self._csv.writerow(values)
        self._flush()

    def _flush(self) -> None:
        self._file.write(self._buffer.getvalue().encode())
        self._buffer.seek(0)
        self._buffer.truncate()

    def close(self) -> None:
        self._flush()  # the heading, where there was no row
        self._file.close()


def _write_flag(value: bool) -> str:
    return "true" if value else "false"


def _without_formula(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
