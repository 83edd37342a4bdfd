"""Model: a whole file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pytflite.errors import FormatError, ModelError, StateError
from pytflite.format.source import Source, open_source
from pytflite.format.verifier import verify
from pytflite.model.graph import (
    Array,
    Buffer,
    ExternalBuffer,
    Operator,
    OperatorCode,
    Signature,
    Subgraph,
    Tensor,
)
from pytflite.model.reading import read_fields
from pytflite.model.record import Record

if TYPE_CHECKING:  # loaded when somebody asks for metadata, or what lies behind them
    from pytflite.format.archive import Archive
    from pytflite.format.metadata import ModelMetadata


class Model(Record):
    """What a .tflite file says. Immutable; shared by any number of interpreters.

    `subgraphs[0]` is the main one; `inputs`, `outputs` and `operators` are its own.
    Arrays are views on the file: nothing is copied before it is needed. `files` are those that
    a zip behind the FlatBuffer holds, names to bytes.
    """

    __slots__ = (
        "_constants",
        "_derived",
        "_files",
        "_source",
        "buffers",
        "description",
        "external_buffers",
        "external_groups",
        "metadata_buffer",
        "metadata_entries",
        "operator_codes",
        "signatures",
        "subgraphs",
        "version",
    )
    subgraphs: tuple[Subgraph, ...]
    operator_codes: tuple[OperatorCode, ...]
    buffers: tuple[Buffer, ...]
    signatures: tuple[Signature, ...]
    metadata_entries: tuple[tuple[str, int], ...]  # name, index of a buffer
    description: str | None
    version: int
    metadata_buffer: tuple[int, ...] | None
    external_groups: tuple[str, ...]
    external_buffers: tuple[ExternalBuffer, ...]
    _files: Archive | None
    _source: Source | None
    _constants: dict[tuple[int, int], Array]
    _derived: dict[Any, Any]

    def __init__(
        self,
        subgraphs: tuple[Subgraph, ...],
        operator_codes: tuple[OperatorCode, ...],
        buffers: tuple[Buffer, ...],
        signatures: tuple[Signature, ...] = (),
        metadata_entries: tuple[tuple[str, int], ...] = (),
        description: str | None = None,
        version: int = 3,
        metadata_buffer: tuple[int, ...] | None = None,
        external_groups: tuple[str, ...] = (),
        external_buffers: tuple[ExternalBuffer, ...] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        self._fill(
            subgraphs=tuple(subgraphs),
            operator_codes=tuple(operator_codes),
            buffers=tuple(buffers),
            signatures=tuple(signatures),
            metadata_entries=tuple(metadata_entries),
            description=description,
            version=version,
            metadata_buffer=metadata_buffer,
            external_groups=tuple(external_groups),
            external_buffers=tuple(external_buffers),
            _files=None if files is None else _archive(files),
            _source=None,
            _constants={},
            _derived={},
        )

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        return (*super().fields(), "files")

    @property
    def files(self) -> Archive:
        """The files that a zip behind the FlatBuffer holds, names to bytes."""
        if self._files is None:
            view = None if self._source is None or self.closed else self._source.view
            self._fill(_files=_archive({}, view))
        assert self._files is not None
        return self._files

    @property
    def derived(self) -> dict[Any, Any]:
        """What backends have made of the constants, for all interpreters of this model."""
        return self._derived

    @classmethod
    def open(cls, model: Any) -> Model:
        """Opens and verifies a model.

        Args:
            model: a path, bytes, bytearray, memoryview, mmap or open binary file; a Model
                passes through.

        Raises:
            FormatError, ModelError: the bytes are not a model, or one that makes no sense.
        """
        if isinstance(model, Model):
            return model
        source = open_source(model)
        self = cls(**read_fields(source.view))
        verify(self)
        self._fill(_source=source)
        return self

    @property
    def main(self) -> Subgraph:
        """The subgraph that runs unless another is asked for.

        Raises:
            StateError: closed.
        """
        if self.closed:
            raise StateError(f"{self.name} is closed", code="state.closed")
        return self.subgraphs[0]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Inputs of the main subgraph, in order."""
        main = self.main
        return tuple([main.tensors[i] for i in main.inputs])

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Outputs of the main subgraph, in order."""
        return tuple(self.main.tensors[i] for i in self.main.outputs)

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Operators of the main subgraph, in the order of execution."""
        return self.main.operators

    @property
    def name(self) -> str:
        """Where it was opened from."""
        return self._source.name if self._source is not None else "<Model>"

    @property
    def size(self) -> int:
        """Bytes of the file; of the buffers if the model was made in memory."""
        if self._source is not None and not self._source.closed:
            return len(self._source.view)
        return sum(b.data.size for b in self.buffers if b.data is not None)

    @property
    def stamp(self) -> tuple[int, ...]:
        """What tells the file from any other, and from what it was before (see Source); empty if
        the model is not that of a file."""
        return () if self._source is None or self._source.closed else self._source.stamp

    def let_go(self, subgraph: int, tensor: int) -> None:
        """Gives back the memory of a constant that was packed; it is read from the file again if
        somebody asks for it."""
        if self._source is None or self._source.closed:
            return
        array = self.constant(subgraph, tensor)
        if array is not None:
            self._source.let_go(array.ctypes.data, array.nbytes)

    def constant(self, subgraph: int, tensor: int) -> Array | None:
        """The value of a constant tensor (read-only), or None if it has none in the file.

        Raises:
            ModelError: the buffer does not fit the tensor's shape and type.
        """
        key = (subgraph, tensor)
        found = self._constants.get(key)
        if found is not None:
            return found
        what = self.subgraphs[subgraph].tensors[tensor]
        if what.external_buffer:
            raise ModelError(
                "the value of this tensor lies in another file",
                code="model.external-buffer",
                tensor=what.name,
                found=f"external buffer {what.external_buffer}",
                hint="models with external buffers can be inspected and written, not yet run",
            )
        data = self._data_of(what)
        if data is None or what.is_variable:
            return None
        if data.size == 0 and 0 not in what.shape:
            return None
        from pytflite.model.constants import constant_array

        array = constant_array(what, data)
        if array.base is None or not array.size:  # a copy, worth keeping; views cost nothing
            self._constants[key] = array
        return array

    def _data_of(self, tensor: Tensor) -> Array | None:
        if tensor.buffer >= len(self.buffers):
            return None
        try:
            return self.buffers[tensor.buffer].data
        except FormatError as error:
            raise FormatError(
                "the value of a constant tensor lies outside the file",
                code=error.code,
                tensor=tensor.name,
                expected=error.expected,
                found=error.found,
                hint="is the file cut short?",
            ) from error

    def metadata_bytes(self, name: str) -> bytes | None:
        """The bytes of a metadata entry such as 'TFLITE_METADATA', or None."""
        for entry, buffer in self.metadata_entries:
            if entry == name:
                data = self.buffers[buffer].data
                return None if data is None else data.tobytes()
        return None

    @property
    def metadata(self) -> ModelMetadata | None:
        """What the model says of itself and its tensors, or None.

        Raises:
            FormatError: malformed.
        """
        from pytflite.model.metadata import read_metadata

        return read_metadata(self)

    @property
    def labels(self) -> list[str] | None:
        """The names of its classes, from the label file that it carries, or None.

        Raises:
            FormatError: the metadata or the files behind the model are malformed.
        """
        from pytflite.model.metadata import read_labels

        return read_labels(self)

    def read_file(self, name: str) -> bytes:
        """The bytes of an associated file; `files` has the names.

        Raises:
            FormatError: there is no such file, or the zip is malformed.
        """
        from pytflite.model.metadata import read_file

        return read_file(self, name)

    def with_metadata(
        self, metadata: ModelMetadata | None, files: Mapping[str, bytes] | None = None
    ) -> Model:
        """A copy with other metadata and more files: `pytflite.model.metadata.with_metadata`."""
        from pytflite.model.metadata import with_metadata

        return with_metadata(self, metadata, files)

    @property
    def file_view(self) -> memoryview | None:
        """The bytes of the whole file, with what is appended to it; None if made in memory."""
        return None if self._source is None else self._source.view

    def to_bytes(self, *, outside: bool | None = None) -> bytes:
        """The bytes of a .tflite file; see `pytflite.model.writing.write`."""
        from pytflite.model.writing import write

        return write(self, outside=outside)

    def save(self, path: str | os.PathLike[str], *, outside: bool | None = None) -> None:
        """Writes a .tflite file; see `pytflite.model.writing.save`."""
        from pytflite.model.writing import save

        save(self, path, outside=outside)

    def close(self) -> None:
        """Gives up the file. Arrays that somebody still holds stay valid."""
        source, buffers = self._source, tuple(Buffer() for _ in self.buffers)
        if source is not None:
            source.close()
        self._fill(buffers=buffers, subgraphs=(), _files=None, _constants={})

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._source is not None and self._source.closed

    def __reduce__(self) -> tuple[Any, ...]:
        """A model from a file is pickled as the bytes of the file: it is verified again."""
        if self._source is None:
            return super().__reduce__()
        return _opened_again, (bytes(self._source.view), self.name)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # immutable

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        from pytflite.model.summary import model_text

        return model_text(self)

    def _repr_html_(self) -> str:
        from pytflite.model.html import model_html

        return model_html(self)


def _archive(files: Mapping[str, bytes], behind: memoryview | None = None) -> Archive:
    """Files that are given, or those behind what is in a file."""
    from pytflite.format.archive import Archive

    if behind is not None:
        return Archive.behind(behind)
    return files if isinstance(files, Archive) else Archive(files)


def _opened_again(data: bytes, name: str) -> Model:
    model = Model.open(data)
    model._fill(_source=Source(data, name))
    return model


def load_model(model: Any) -> Model:
    """Opens and verifies a model: `Model.open`."""
    return Model.open(model)
