using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Nodes;
using Cilium.Lab.Storage;
using Microsoft.Extensions.Logging;

namespace Cilium.Lab.Tests;

public sealed class SteadyLoopTests
{
    private readonly ClusterState state = TestCluster.Create();

    [Fact]
    public async Task Pods_are_followed_again_after_a_failure_which_is_told()
    {
        foreach (var name in (string[])["a", "b"])
            state.Create(BuiltInKinds.Pods, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = new JsonObject { ["nodeName"] = "n", ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "x" }) } });
        using var ending = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var told = new Told();
        var seen = new List<string>();
        var feed = new PodFeed(state.Store, "n");
        await new SteadyLoop("pods", token => feed.RunAsync(Seen, _ => { }, token), TimeProvider.System, told).RunAsync(ending.Token);

        Assert.Equal(["a", "a", "b"], seen);
        Assert.Equal("broken", Assert.Single(told.Failures).Message);

        void Seen(JsonObject pod)
        {
            seen.Add(pod.Name());
            if (seen.Count == 1) throw new InvalidOperationException("broken");
            if (pod.Name() == "b") ending.Cancel();
        }
    }

    [Fact]
    public async Task A_cancellation_of_somebody_else_is_a_failure()
    {
        using var ending = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var told = new Told();
        var runs = 0;
        await new SteadyLoop(
            "status",
            async token =>
            {
                if (++runs == 1) throw new TaskCanceledException();
                await ending.CancelAsync();
                token.ThrowIfCancellationRequested();
            },
            TimeProvider.System,
            told).RunAsync(ending.Token);
        Assert.Equal(2, runs);
        Assert.IsType<TaskCanceledException>(Assert.Single(told.Failures));
    }

    private sealed class Told : ILogger
    {
        public List<Exception> Failures { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (exception is not null) Failures.Add(exception);
        }
    }
}
