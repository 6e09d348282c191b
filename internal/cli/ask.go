package cli

import "context"

// asker asks a store: [lull.Client.Ask], or once.
type asker func(ctx context.Context, question func(context.Context) error) error

// once is for those who ask again by themselves.
func once(ctx context.Context, question func(context.Context) error) error { return question(ctx) }

// asked is what the store answers to a question.
func asked[T any](ctx context.Context, ask asker, question func(context.Context) (T, error)) (answer T, err error) {
	err = ask(ctx, func(ctx context.Context) (err error) {
		answer, err = question(ctx)
		return err
	})
	return answer, err
}
