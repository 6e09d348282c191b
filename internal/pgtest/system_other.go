//go:build !linux

package pgtest

import (
	"errors"
	"syscall"
)

// The servers are for Linux. What is here lets the tests of other packages be vetted
// for other systems.

func freeBytes(string) int64 { return 0 }

func signalAtParentsEnd(*syscall.SysProcAttr, syscall.Signal) {}

func childrenOf(int) ([]int, error) { return nil, errors.ErrUnsupported }

func runs(int) (bool, error) { return false, errors.ErrUnsupported }
