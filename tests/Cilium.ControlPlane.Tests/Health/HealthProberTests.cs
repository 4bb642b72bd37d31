using System.Collections.Concurrent;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Health;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Tests;

namespace Cilium.ControlPlane.Tests.Health;

public sealed class HealthProberTests : IAsyncDisposable
{
    private readonly TestTables _test = new();
    private readonly FakeProbe _probe = new();
    private readonly TestClock _time = new();
    private readonly AgentReadiness _readiness = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly HealthProber _prober;
    private Task _running = Task.FromCanceled(new CancellationToken(true));

    public HealthProberTests()
    {
        _prober = new HealthProber(_test.Tables, _test.Options, _readiness, _probe, _time);
        Add("node-a", 2);
        Add("node-b", 3);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _prober.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Every_node_is_asked_in_every_way_and_the_answers_are_told()
    {
        _probe.Silent["10.0.3.9"] = "no answer";
        await StartAsync();

        var report = _prober.Report();
        Assert.Equal("default/node-a", report.Local!.Name);
        Assert.Equal(["default/node-a", "default/node-b"], report.Nodes!.Select(node => node.Name));
        Assert.Equal([true, false], report.Nodes!.Select(node => node.IsReachable));
        var silent = report.Nodes![1].HealthEndpoint!.PrimaryAddress!;
        Assert.Equal(("10.0.3.9", "no answer", "no answer", 0L), (silent.Ip, silent.Icmp!.Status, silent.Http!.Status, silent.Http.Latency));
        Assert.True(report.Nodes[1].Host!.PrimaryAddress!.IsOk);
        Assert.Equal(report.Timestamp, silent.Icmp.LastProbed);
        Assert.StartsWith("2026-01-01T00:00:0", report.Timestamp, StringComparison.Ordinal);
        Assert.StartsWith("1m5.9", report.ProbeInterval, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_did_not_answer_is_asked_again_before_the_next_round()
    {
        _probe.Silent["172.18.0.3"] = "no answer";
        await StartAsync();
        Assert.False(_prober.Report().Nodes![1].IsReachable);
        _probe.Silent.Clear();

        await AdvanceUntilAsync(() => _prober.Report().Nodes![1].IsReachable, TimeSpan.FromSeconds(30));

        Assert.Equal(1, _probe.Asked["172.18.0.2"]);
        Assert.Equal(2, _probe.Asked["172.18.0.3"]);
    }

    [Fact]
    public async Task A_new_node_is_asked_at_once_and_one_that_left_is_told_of_no_more()
    {
        await StartAsync();
        Add("node-c", 4);
        await SettlesAsync();
        await AdvanceUntilAsync(() => _prober.Report().Nodes!.Count == 3, TimeSpan.FromSeconds(5));
        Assert.Equal(1, _probe.Asked["172.18.0.2"]);

        _test.Write(write => write.Delete(_test.Kubernetes.CiliumNodes, "node-b"));
        await SettlesAsync();
        await AdvanceUntilAsync(() => _prober.Report().Nodes!.Count == 2, TimeSpan.FromSeconds(5));
        Assert.Equal(["default/node-a", "default/node-c"], _prober.Report().Nodes!.Select(node => node.Name));
    }

    [Fact]
    public async Task Rounds_come_by_the_clock_and_on_demand()
    {
        await StartAsync();
        await AdvanceUntilAsync(() => _probe.Asked.Values.All(times => times == 2), TimeSpan.FromSeconds(70));
        Assert.Contains("172.18.0.3", _probe.Asked.Keys);

        await _prober.ProbeAllAsync(CancellationToken.None);
        Assert.Equal(3, _probe.Asked["172.18.0.2"]);
        Assert.Equal(3, _probe.Asked["10.0.2.9"]);
    }

    private void Add(string name, int number) => _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow
    {
        Name = name,
        Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse($"172.18.0.{number}"))],
        HealthIPs = [IpAddr.Parse($"10.0.{number}.9")],
    }));

    private async Task StartAsync()
    {
        _running = _prober.RunAsync(_stop.Token);
        Assert.Equal("", _prober.Report().Timestamp);
        _readiness.Complete();
        await AdvanceUntilAsync(() => _prober.Report().Timestamp!.Length > 0, TimeSpan.FromSeconds(5));
    }

    /// <summary>Waits until the prober has noticed a change: it probes two seconds later.</summary>
    private Task SettlesAsync() => UntilAsync(() => _time.UntilNext <= TimeSpan.FromSeconds(2));

    /// <summary>Moves the clock, each time when the prober waits for it, until the condition holds.</summary>
    private async Task AdvanceUntilAsync(Func<bool> condition, TimeSpan atMost)
    {
        for (var second = 0; second < atMost.TotalSeconds && !condition(); second++)
        {
            await UntilAsync(() => _time.Waiting > 0 || condition());
            if (!condition())
            {
                _time.Advance(TimeSpan.FromSeconds(1));
            }
        }

        await UntilAsync(condition);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            Assert.False(patience.IsCancellationRequested, "the condition did not come true");
            await Task.Delay(1);
        }
    }

    private sealed class FakeProbe : IHealthProbe
    {
        public ConcurrentDictionary<string, string> Silent { get; } = [];

        public ConcurrentDictionary<string, int> Asked { get; } = [];

        public Task<string?> EchoAsync(IpAddr address, CancellationToken cancellationToken)
        {
            Asked.AddOrUpdate(address.ToString(), 1, (_, count) => count + 1);
            return Task.FromResult(Silent.GetValueOrDefault(address.ToString()));
        }

        public Task<string?> HelloAsync(IpAddr address, CancellationToken cancellationToken) => Task.FromResult(Silent.GetValueOrDefault(address.ToString()));
    }
}
