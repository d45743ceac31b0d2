// River around the same work as graphile.mjs: a run's row, an audit row, a result on its topic.
//
//	river load COUNT KEYS         its tables, and COUNT jobs by InsertManyFast
//	river gathered | per-job      serves them: what the jobs in hand store goes together, or each job by itself
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/twmb/franz-go/pkg/kgo"
)

const topic = "bench.results"

// Command is what topic.c and ids.mjs make of a sequence number, field by field.
type Command struct {
	RunID          string `json:"run_id"`
	Operation      string `json:"operation"`
	OrganizationID string `json:"organization_id"`
	TenantID       string `json:"tenant_id"`
	RequestedBy    string `json:"requested_by"`
	FullRead       bool   `json:"full_read"`
}

func (Command) Kind() string { return "noop" }

func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

func id(sequence uint64) string {
	m := mixed(sequence)
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", m>>32, (m>>16)&0xffff, (m>>4)&0xfff, mixed(m)&0xfff, sequence)
}

func command(sequence, keys uint64) Command {
	return Command{id(sequence), "sync-members", id(mixed(sequence) % keys), "bench", "bench", false}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 64)
	must(err)
	return value
}

func load(ctx context.Context, pool *pgxpool.Pool, count, keys uint64) {
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	must(err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	must(err)
	client, err := river.NewClient(driver, &river.Config{Logger: quiet()})
	must(err)
	const block = 10_000
	for first := uint64(1); first <= count; first += block {
		var jobs []river.InsertManyParams
		for i := first; i <= min(count, first+block-1); i++ {
			jobs = append(jobs, river.InsertManyParams{Args: command(i, keys)})
		}
		_, err = client.InsertManyFast(ctx, jobs)
		must(err)
	}
}

// done is a job whose rows and result are wanted.
type done struct {
	command   Command
	startedUs int64
	answer    chan error
}

const insert = `WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[]) AS g(id, organization, operation, result)),
  runs AS (INSERT INTO bench.runs (id, organization_id, operation, state, result, finished_at)
    SELECT id, organization, operation, 'succeeded', result, now() FROM given
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, result = excluded.result, finished_at = now())
  INSERT INTO bench.audit (run_id, action, organization_id, detail) SELECT id, 'noop', organization, '{"attempt": 1}' FROM given
    ON CONFLICT DO NOTHING`

// settle returns when the rows and the results of all of them are as safe as they get.
func settle(ctx context.Context, pool *pgxpool.Pool, producer *kgo.Client, block []done) error {
	var ids, organizations, operations, results []string
	var records []*kgo.Record
	for _, one := range block {
		result, _ := json.Marshal(map[string]int64{"started_us": one.startedUs})
		ids = append(ids, one.command.RunID)
		organizations = append(organizations, one.command.OrganizationID)
		operations = append(operations, one.command.Operation)
		results = append(results, string(result))
		value, _ := json.Marshal(map[string]any{"run_id": one.command.RunID, "organization_id": one.command.OrganizationID,
			"operation": one.command.Operation, "state": "succeeded", "attempt": 1, "result": json.RawMessage(result)})
		records = append(records, &kgo.Record{Topic: topic, Key: []byte(one.command.OrganizationID), Value: value})
	}
	if _, err := pool.Exec(ctx, insert, ids, organizations, operations, results); err != nil {
		return err
	}
	return producer.ProduceSync(ctx, records...).FirstErr()
}

type worker struct {
	river.WorkerDefaults[Command]
	store func(context.Context, done) error
}

func (w *worker) Work(ctx context.Context, job *river.Job[Command]) error {
	return w.store(ctx, done{job.Args, time.Now().UnixMicro(), nil})
}

// gatherer stores what waits together, up to a thousand at a time.
func gatherer(ctx context.Context, pool *pgxpool.Pool, producer *kgo.Client) func(context.Context, done) error {
	waiting := make(chan done, 4000)
	go func() {
		for one := range waiting {
			block := []done{one}
			for len(block) < 1000 && len(waiting) > 0 {
				block = append(block, <-waiting)
			}
			err := settle(ctx, pool, producer, block)
			for _, each := range block {
				each.answer <- err
			}
		}
	}()
	return func(_ context.Context, one done) error {
		one.answer = make(chan error, 1)
		waiting <- one
		return <-one.answer
	}
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

func serve(ctx context.Context, pool *pgxpool.Pool, gathered bool) {
	producer, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(os.Getenv("KAFKA_BROKERS"), ",")...))
	must(err)
	lanes := 16
	store := func(ctx context.Context, one done) error { return settle(ctx, pool, producer, []done{one}) }
	if gathered {
		lanes = 2000
		store = gatherer(ctx, pool, producer)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{store: store})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown: time.Millisecond,
		Logger:        quiet(),
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: lanes}},
		Workers:       workers,
	})
	must(err)
	must(client.Start(ctx))
	fmt.Println("serving")
	stop, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	<-stop.Done()
	must(client.Stop(ctx))
	producer.Close()
}

func main() {
	ctx := context.Background()
	settings, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	must(err)
	settings.MaxConns = 18
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	must(err)
	defer pool.Close()
	switch {
	case len(os.Args) == 4 && os.Args[1] == "load":
		load(ctx, pool, number(os.Args[2]), number(os.Args[3]))
	case len(os.Args) == 2 && (os.Args[1] == "gathered" || os.Args[1] == "per-job"):
		serve(ctx, pool, os.Args[1] == "gathered")
	default:
		fmt.Fprintln(os.Stderr, "usage: see the head of main.go")
		os.Exit(2)
	}
}
