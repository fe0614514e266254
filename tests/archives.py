"""Archives in the format of CIFAR-10 for tests."""

import io
import struct
import tarfile


def python2_string(content):
    return b"T" + struct.pack("<i", len(content)) + content


def python2_int(value):
    return b"J" + struct.pack("<i", value)


def python2_array(rows):
    """A uint8 array of two dimensions as Python 2 and the numpy of 2009 pickled it."""
    shape = python2_int(rows.shape[0]) + python2_int(rows.shape[1]) + b"\x86"
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN"
    dtype += python2_int(-1) + python2_int(-1) + b"K\x00tb"
    return empty + b"(K\x01" + shape + dtype + b"\x89" + python2_string(rows.tobytes()) + b"tb"


def python2_batch(planes, labels):
    """A batch file of CIFAR-10: planes of shape (n, 3072), labels a list of int."""
    entries = python2_string(b"data") + python2_array(planes)
    entries += python2_string(b"labels") + b"(" + b"".join(map(python2_int, labels)) + b"l"
    return b"\x80\x02}(" + entries + b"u."


def write_archive(path, batches):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
