package hallapi

import (
	"io"

	"connectrpc.com/connect"
	"github.com/klauspost/compress/zstd"
)

// Zstd is the name of the compression that headers travel in; gzip is understood too.
const Zstd = "zstd"

// CompressMin is from how many bytes on a message is compressed: one that fits into a packet gains nothing.
const CompressMin = 1 << 10

// WithZstd teaches a hall's handler to read and write zstd.
func WithZstd() connect.HandlerOption {
	return connect.WithHandlerOptions(connect.WithCompression(Zstd, newDecompressor, newCompressor), connect.WithCompressMinBytes(CompressMin))
}

// AcceptZstd teaches a terminal's client to read zstd; with connect.WithSendCompression(Zstd) it writes it.
func AcceptZstd() connect.ClientOption {
	return connect.WithAcceptCompression(Zstd, newDecompressor, newCompressor)
}

func newDecompressor() connect.Decompressor {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MessageMax))
	if err != nil {
		panic("hallapi: zstd refuses its own options: " + err.Error())
	}
	return &decompressor{d}
}

// decompressor makes zstd's decoder closable twice and more, as the pool does.
type decompressor struct{ *zstd.Decoder }

func (d *decompressor) Close() error { return d.Decoder.Reset(nil) }

func newCompressor() connect.Compressor {
	w, err := zstd.NewWriter(io.Discard, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		panic("hallapi: zstd refuses its own options: " + err.Error())
	}
	return w
}
