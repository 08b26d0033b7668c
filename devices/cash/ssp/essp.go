package ssp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math/big"
	"math/bits"
)

// sealed begins the data of an encrypted packet.
const sealed = 0x7E

// DefaultKey is the half of the AES key that devices leave the factory with.
const DefaultKey uint64 = 0x0123456701234567

var (
	errSealed = errors.New("the encrypted block is not whole")
	errCount  = errors.New("the encrypted block is not the answer to this packet")
)

// seal is the encryption of one session: AES-128 without chaining over blocks that carry a running number.
type seal struct {
	block cipher.Block
	count uint32 // of the next packet to be sent; its answer has one more
	noise func([]byte)
}

// newSeal makes the key: the fixed half, then the half that was agreed, each low byte first.
func newSeal(fixed, shared uint64, noise func([]byte)) *seal {
	var key [16]byte
	binary.LittleEndian.PutUint64(key[:8], fixed)
	binary.LittleEndian.PutUint64(key[8:], shared)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("ssp: an AES key of 16 bytes is one") // the only error is a wrong length
	}
	return &seal{block: block, noise: noise}
}

const (
	sealHead = 5 // length and count inside the block
	sealTail = 2 // checksum inside the block
)

// wrap makes the data of a packet that carries plain under this count.
func (s *seal) wrap(plain []byte, count uint32) []byte {
	size := (sealHead + len(plain) + sealTail + aes.BlockSize - 1) / aes.BlockSize * aes.BlockSize
	inner := make([]byte, size)
	inner[0] = byte(len(plain))
	binary.LittleEndian.PutUint32(inner[1:], count)
	copy(inner[sealHead:], plain)
	s.noise(inner[sealHead+len(plain) : size-sealTail])
	binary.LittleEndian.PutUint16(inner[size-sealTail:], crc16(inner[:size-sealTail]))
	out := make([]byte, 1+size)
	out[0] = sealed
	for i := 0; i < size; i += aes.BlockSize {
		s.block.Encrypt(out[1+i:], inner[i:i+aes.BlockSize])
	}
	return out
}

// unwrap reads the data of a packet that must have this count.
func (s *seal) unwrap(data []byte, count uint32) ([]byte, error) {
	if len(data) < 1+aes.BlockSize || data[0] != sealed || (len(data)-1)%aes.BlockSize != 0 {
		return nil, errSealed
	}
	inner := make([]byte, len(data)-1)
	for i := 0; i < len(inner); i += aes.BlockSize {
		s.block.Decrypt(inner[i:], data[1+i:1+i+aes.BlockSize])
	}
	end := len(inner) - sealTail
	n := int(inner[0])
	switch {
	case sealHead+n > end || crc16(inner[:end]) != binary.LittleEndian.Uint16(inner[end:]):
		return nil, errSealed
	case binary.LittleEndian.Uint32(inner[1:]) != count:
		return nil, errCount
	}
	return inner[sealHead : sealHead+n : sealHead+n], nil
}

// power is base^exp mod m, for the key agreement in 64 bits.
func power(base, exp, m uint64) uint64 {
	result := uint64(1) % m
	base %= m
	for ; exp > 0; exp >>= 1 {
		if exp&1 == 1 {
			result = product(result, base, m)
		}
		base = product(base, base, m)
	}
	return result
}

func product(a, b, m uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return bits.Rem64(hi, lo, m)
}

// agreement is our side of the key agreement: the generator, the modulus, and our secret.
type agreement struct {
	generator, modulus, secret uint64
}

// newAgreement draws two primes. The maker's library makes the generator the larger of them, and a device may check it.
func newAgreement() (a agreement, err error) {
	for a.generator == a.modulus {
		if a.generator, err = prime(); err != nil {
			return a, err
		}
		if a.modulus, err = prime(); err != nil {
			return a, err
		}
	}
	a.generator, a.modulus = max(a.generator, a.modulus), min(a.generator, a.modulus)
	var b [8]byte
	rand.Read(b[:]) // never fails
	a.secret = binary.LittleEndian.Uint64(b[:])%(a.modulus-2) + 1
	return a, nil
}

func prime() (uint64, error) {
	p, err := rand.Prime(rand.Reader, primeBits)
	if err != nil {
		return 0, err
	}
	return new(big.Int).Set(p).Uint64(), nil
}

func (a agreement) public() uint64              { return power(a.generator, a.secret, a.modulus) }
func (a agreement) shared(theirs uint64) uint64 { return power(theirs, a.secret, a.modulus) }

func little(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
