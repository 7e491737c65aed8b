// Calls of grpc-go's client that it cancels, over one connection: `cancels ADDRESS`. It prints what it did, and fails when a call ends
// otherwise than by its cancellation: the server has closed the connection.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

const (
	atOnce   = 900
	rounds   = 3
	perRound = 4
	rate     = 500
	seconds  = 5
)

// A message at once, and one that nobody waits for.
var request = &testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{
	{Size: 1},
	{Size: 1, IntervalUs: 60_000_000},
}}

type client struct {
	stub   testgrpc.TestServiceClient
	failed atomic.Int64
}

// A call up to its first answer, if nothing cancels it before.
func (c *client) answered(ctx context.Context) bool {
	call, err := c.stub.StreamingOutputCall(ctx, request)
	if err == nil {
		_, err = call.Recv()
	}
	if err != nil && status.Code(err) != codes.Canceled {
		c.failed.Add(1)
		log.Println(err)
	}
	return err == nil
}

// Many calls, each with an answer, are cancelled at once.
func (c *client) cancelAtOnce() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var calls sync.WaitGroup
	for range atOnce {
		calls.Go(func() { c.answered(ctx) })
	}
	calls.Wait()
}

// Of some calls the first that has an answer counts, and the others are cancelled.
func (c *client) hedge() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	first := make(chan bool, perRound)
	for range perRound {
		go func() { first <- c.answered(ctx) }()
	}
	<-first
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: cancels ADDRESS")
	}
	channel, err := grpc.NewClient("passthrough:///"+os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	c := &client{stub: testgrpc.NewTestServiceClient(channel)}
	// It is there to the end, unless its connection is not.
	ctx, cancel := context.WithCancel(context.Background())
	witness, err := c.stub.StreamingOutputCall(ctx, request)
	if err == nil {
		_, err = witness.Recv()
	}
	if err != nil {
		log.Fatal(err)
	}
	for range rounds {
		c.cancelAtOnce()
	}
	began := time.Now()
	var hedged sync.WaitGroup
	ticks := time.NewTicker(time.Second / rate)
	for range rate * seconds {
		<-ticks.C
		hedged.Go(c.hedge)
	}
	hedged.Wait()
	took := time.Since(began)
	cancel()
	if _, err := witness.Recv(); status.Code(err) != codes.Canceled {
		c.failed.Add(1)
		log.Println("the witness:", err)
	}
	fmt.Printf("%d calls at once, %d times; %d hedged calls, %.0f a second; %d failed\n",
		atOnce, rounds, rate*seconds, rate*seconds/took.Seconds(), c.failed.Load())
	if c.failed.Load() > 0 {
		os.Exit(1)
	}
}
