// Package seal closes personal data so that only the hall can open it.
//
// One key agreement (HPKE, X25519, HKDF-SHA256) serves a whole visit: its exported key encrypts each
// record with AES-256-GCM under the record's own number, so that the hall can open any record alone
// and the terminal, once the visit is over and the key is gone, can open none.
//
// A sealed part is: version (1 byte, 1), key id (8 bytes), encapsulated key (32 bytes), ciphertext
// with a 16-byte tag.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

const (
	version   = 1
	idLen     = 8
	encLen    = 32
	headLen   = 1 + idLen + encLen
	exportFor = "yichuang record key 1"
)

var info = []byte("yichuang visit 1")

// KeyID is the short name of a public key: the first 8 bytes of its SHA-256.
func KeyID(public []byte) [idLen]byte {
	h := sha256.Sum256(public)
	return [idLen]byte(h[:idLen])
}

// Sealer closes the records of one visit. It is not safe for concurrent use.
type Sealer struct {
	head []byte
	aead cipher.AEAD
}

// NewSealer makes the one key agreement of a visit with the hall's public key (X25519, 32 bytes).
func NewSealer(public []byte) (*Sealer, error) {
	kem := hpke.DHKEM(ecdh.X25519())
	pk, err := kem.NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("seal: the hall's key: %w", err)
	}
	enc, sender, err := hpke.NewSender(pk, hpke.HKDFSHA256(), hpke.AES256GCM(), info)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	key, err := sender.Export(exportFor, 32)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	id := KeyID(public)
	head := append([]byte{version}, id[:]...)
	return &Sealer{head: append(head, enc...), aead: aead}, nil
}

// More is how many bytes a sealed part has more than what is in it.
const More = headLen + 16

// Seal closes plain for the record with this number, behind what to has, which may be nil. aad binds it to its place (see AAD).
func (s *Sealer) Seal(to []byte, seq int64, aad, plain []byte) []byte {
	return s.aead.Seal(append(slices.Grow(to, len(plain)+More), s.head...), nonce(seq), plain, aad)
}

// Which is the id of the key that a sealed part was closed to.
func Which(sealed []byte) (id [idLen]byte, err error) {
	if len(sealed) < headLen+16 || sealed[0] != version {
		return id, errors.New("seal: this is no sealed part of version 1")
	}
	return [idLen]byte(sealed[1 : 1+idLen]), nil
}

// Open opens a sealed part with the hall's private key (X25519, 32 bytes).
func Open(private []byte, seq int64, aad, sealed []byte) ([]byte, error) {
	if _, err := Which(sealed); err != nil {
		return nil, err
	}
	kem := hpke.DHKEM(ecdh.X25519())
	sk, err := kem.NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("seal: the hall's key: %w", err)
	}
	rcpt, err := hpke.NewRecipient(sealed[1+idLen:headLen], sk, hpke.HKDFSHA256(), hpke.AES256GCM(), info)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	key, err := rcpt.Export(exportFor, 32)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := gcm(key)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce(seq), sealed[headLen:], aad)
	if err != nil {
		return nil, errors.New("seal: the sealed part does not belong to this record, or was changed")
	}
	return plain, nil
}

// AAD binds a sealed part to its record: terminal, epoch, number, kind and header.
func AAD(terminal, epoch string, seq int64, kind string, header []byte) []byte {
	h := sha256.Sum256(header)
	out := make([]byte, 0, len(terminal)+len(epoch)+len(kind)+2*len(h)+24) // once for all: every record of a visit comes here
	out = append(append(append(append(out, terminal...), '\n'), epoch...), '\n')
	out = append(strconv.AppendInt(out, seq, 10), '\n')
	out = append(append(out, kind...), '\n')
	return append(hex.AppendEncode(out, h[:]), '\n')
}

func nonce(seq int64) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint64(n[4:], uint64(seq))
	return n
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return aead, nil
}
