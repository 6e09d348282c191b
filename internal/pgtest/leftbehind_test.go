package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// victimVariable makes the test binary a program that starts servers and waits to be
// killed.
const victimVariable = "LULL_TEST_VICTIM"

func TestMain(m *testing.M) {
	if how := os.Getenv(victimVariable); how != "" {
		if err := victim(context.Background(), how == "frozen"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func victim(ctx context.Context, frozen bool) error {
	disk, err := MountDisk(SmallDisk)
	if err != nil && !errors.Is(err, ErrNoMount) {
		return err
	}
	s, err := StartServer(ctx, Config{WALDisk: disk})
	if err != nil {
		return err
	}
	b, err := StartBouncer(ctx, s, BouncerConfig{})
	if err != nil {
		return err
	}
	pids, err := s.processes()
	if err != nil {
		return err
	}
	memory, err := s.sharedMemory()
	if err != nil {
		return err
	}
	if frozen {
		if err := s.Freeze(ctx); err != nil {
			return err
		}
	}
	fmt.Println(s.space.dir, memory, b.process.pid(), strings.Trim(fmt.Sprint(pids), "[]"))
	select {}
}

func TestKilledTestLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"running", "frozen"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), victimVariable+"="+how)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(out).ReadString('\n')
			words := strings.Fields(line)
			if len(words) < 4 {
				t.Fatalf("the victim says %q", line)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			dir, memory, pids := words[0], words[1], words[2:]
			if err := poll(t.Context(), func() (bool, error) { return allGone(dir, memory, pids) }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClosedServerLeavesNothing(t *testing.T) {
	t.Parallel()
	s, err := StartServer(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	pids, err := s.processes()
	if err != nil {
		t.Fatal(err)
	}
	memory, err := s.sharedMemory()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if gone, err := allGone(s.dir, memory, strings.Fields(strings.Trim(fmt.Sprint(pids), "[]"))); !gone || err != nil {
		t.Errorf("gone %v, %v", gone, err)
	}
}

// sharedMemory is the id of the server's System V segment. It is the only shared
// memory that does not end with the last process.
func (s *Server) sharedMemory() (string, error) {
	content, err := os.ReadFile(filepath.Join(s.data, "postmaster.pid"))
	if err != nil {
		return "", err
	}
	// The seventh line: key and id.
	words := strings.Fields(strings.Split(string(content), "\n")[6])
	if len(words) != 2 {
		return "", fmt.Errorf("no shared memory in %q", content)
	}
	return words[1], nil
}

func allGone(dir, memory string, pids []string) (bool, error) {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	segments, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(segments)) {
		if strings.Fields(line)[1] == memory {
			return false, nil
		}
	}
	for _, p := range pids {
		pid, err := strconv.Atoi(p)
		if err != nil {
			return false, err
		}
		if runs, err := runs(pid); runs || err != nil {
			return false, err
		}
	}
	return true, nil
}
