using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Kubernetes.Tests.Leases;

public sealed class LeaderElectorTests : IDisposable
{
    private const string Lease = "apis/coordination.k8s.io/v1/namespaces/kube-system/leases/cilium-operator-resource-lock";
    private readonly TestClock _clock = new();
    private readonly FakeApiServer _server;

    public LeaderElectorTests() => _server = new FakeApiServer(_clock);

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task The_first_leads_the_second_waits_until_it_is_given_back()
    {
        using var stopFirst = new CancellationTokenSource();
        using var stopSecond = new CancellationTokenSource();
        var first = Candidate("first");
        var second = Candidate("second");
        var firstRun = first.RunAsync(WorkAsync, stopFirst.Token);
        await UntilAsync(() => first.IsLeader);
        var secondRun = second.RunAsync(WorkAsync, stopSecond.Token);
        await UntilAsync(() => second.Holder == "first");
        Assert.False(second.IsLeader);
        await stopFirst.CancelAsync();
        await firstRun;
        Assert.Equal("", _server.Get(Lease)!["spec"]!["holderIdentity"]!.ToString());
        await UntilAsync(() => second.IsLeader, TimeSpan.FromSeconds(1));
        await stopSecond.CancelAsync();
        await secondRun;
    }

    [Fact]
    public async Task A_dead_leader_is_followed_only_after_its_lease_by_our_own_clock()
    {
        // The dead one's clock was far ahead: its times must not matter.
        _server.Put(Lease, new JsonObject
        {
            ["spec"] = new JsonObject { ["holderIdentity"] = "dead", ["leaseDurationSeconds"] = 15, ["renewTime"] = "2099-01-01T00:00:00.000000Z" },
        });
        using var stop = new CancellationTokenSource();
        var candidate = Candidate("heir");
        var run = candidate.RunAsync(WorkAsync, stop.Token);
        await UntilAsync(() => candidate.Holder == "dead");
        var seen = _clock.GetUtcNow();
        await UntilAsync(() => candidate.IsLeader, TimeSpan.FromSeconds(1));
        Assert.True(_clock.GetUtcNow() - seen >= TimeSpan.FromSeconds(14), $"led after {_clock.GetUtcNow() - seen}");
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task A_leader_that_cannot_renew_stops_its_work_before_others_may_lead()
    {
        using var stop = new CancellationTokenSource();
        var stopped = 0;
        var leader = Candidate("first");
        var run = leader.RunAsync(
            async token =>
            {
                try
                {
                    await WorkAsync(token);
                }
                finally
                {
                    Interlocked.Increment(ref stopped);
                }
            },
            stop.Token);
        await UntilAsync(() => leader.IsLeader);
        _server.IsAway = true;
        var since = _clock.GetUtcNow();
        await UntilAsync(() => Volatile.Read(ref stopped) == 1, TimeSpan.FromSeconds(1));
        Assert.InRange(_clock.GetUtcNow() - since, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(15));
        Assert.False(leader.IsLeader);
        _server.IsAway = false;
        await UntilAsync(() => leader.IsLeader, TimeSpan.FromSeconds(1));
        await stop.CancelAsync();
        await run;
    }

    private LeaderElector Candidate(string name) => new(
        _server.Connection, new LeaderElectionOptions { Candidate = name }, new Random(1), NullLogger<LeaderElector>.Instance);

    private static Task WorkAsync(CancellationToken token) => Task.Delay(Timeout.Infinite, token);

    /// <summary>Lets all that can happen happen, moving the clock now and then when asked, until the condition holds.</summary>
    private async Task UntilAsync(Func<bool> condition, TimeSpan step = default)
    {
        for (var turn = 0; !condition(); turn++)
        {
            Assert.True(turn < 20000, "the condition does not come true");
            await Task.Delay(1);
            if (step > TimeSpan.Zero && turn % 100 == 99)
            {
                _clock.Advance(step);
            }
        }
    }
}
