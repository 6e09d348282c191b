package server

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// doubler is a batch that doubles numbers, and notes how many came together. It rests
// before the bubble ends.
func doubler(t *testing.T, sizes *[]int, answer func() error) *batch[int, int] {
	t.Cleanup(func() { time.Sleep(10 * time.Second) })
	return &batch[int, int]{
		most: 100, pace: rate.NewLimiter(1, 1), within: time.Minute,
		ask: func(_ context.Context, questions []int) ([]int, error) {
			*sizes = append(*sizes, len(questions))
			time.Sleep(100 * time.Millisecond)
			if err := answer(); err != nil {
				return nil, err
			}
			answers := make([]int, len(questions))
			for i, q := range questions {
				answers[i] = 2 * q
			}
			return answers, nil
		},
	}
}

func fine() error { return nil }

func TestWhoAsksAloneIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		began := time.Now()
		answers, err := doubler(t, &sizes, fine).get(t.Context(), 3, 4)
		if err != nil || len(answers) != 2 || answers[0] != 6 || answers[1] != 8 {
			t.Errorf("answers %v, error %v", answers, err)
		}
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}

func TestWhoComeMeanwhileAreAnsweredTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := doubler(t, &sizes, fine)
		var callers sync.WaitGroup
		for i := range 50 {
			callers.Go(func() {
				answers, err := b.get(t.Context(), i)
				if err != nil || answers[0] != 2*i {
					t.Errorf("%d: answers %v, error %v", i, answers, err)
				}
			})
		}
		callers.Wait()
		if len(sizes) > 2 {
			t.Errorf("asked in %v", sizes)
		}
	})
}

func TestABatchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := doubler(t, &sizes, fine)
		var callers sync.WaitGroup
		for range 7 {
			callers.Go(func() {
				if answers, err := b.get(t.Context(), make([]int, 60)...); err != nil || len(answers) != 60 {
					t.Errorf("%d answers, error %v", len(answers), err)
				}
			})
		}
		callers.Wait()
		for _, n := range sizes {
			if n > 100 {
				t.Errorf("asked in %v", sizes)
			}
		}
	})
}

func TestAnErrorIsEverybodysAndTheNextAskAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		broken := errors.New("broken")
		err := broken
		b := doubler(t, &sizes, func() error { return err })
		if _, got := b.get(t.Context(), 1); got != broken {
			t.Errorf("error %v", got)
		}
		err = nil
		if answers, got := b.get(t.Context(), 1); got != nil || answers[0] != 2 {
			t.Errorf("answers %v, error %v", answers, got)
		}
	})
}

func TestWhoGivesUpDoesNotSpoilTheAnswerOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := doubler(t, &sizes, fine)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := b.get(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
		callers.Go(func() {
			if answers, err := b.get(t.Context(), 2); err != nil || answers[0] != 4 {
				t.Errorf("answers %v, error %v", answers, err)
			}
		})
		callers.Wait()
	})
}
