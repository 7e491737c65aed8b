// Cancels calls of grpc-go's client over one connection: `cancels ADDRESS`. It prints what it has done, and fails if a call ends without
// being cancelled, because then the server has closed the connection.
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

// Requests a message at once, and one that is never awaited.
var request = &testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{
	{Size: 1},
	{Size: 1, IntervalUs: 60_000_000},
}}

type client struct {
	stub   testgrpc.TestServiceClient
	failed atomic.Int64
}

// Makes a call until its first response, unless it is cancelled before.
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

// Cancels many calls at once, after their first responses.
func (c *client) cancelAtOnce() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var calls sync.WaitGroup
	for range atOnce {
		calls.Go(func() { c.answered(ctx) })
	}
	calls.Wait()
}

// Makes several calls, waits for the first response, and cancels the other calls.
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
	// This call lasts until the end, unless its connection is closed.
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
