using System.Text.Json.Nodes;
using Cilium.Core;
using Cilium.Core.Tables;
using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Kubernetes.Tests.Identities;

public sealed class CrdIdentityAllocatorTests
{
    private const string Collection = "apis/cilium.io/v2/ciliumidentities";

    [Fact]
    public async Task New_labels_create_an_identity_with_security_and_metadata_labels()
    {
        var server = new FakeApiServer(new TestClock());
        using var agent = new Agent(server, new Random(1));
        var labels = LabelSet.Parse("k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop", "k8s:strange=" + new string('x', 70));
        var identity = await agent.Allocator.AllocateAsync(labels, CancellationToken.None);
        var written = Assert.Single(server.List(Collection));
        Assert.Equal(identity.ToString(), written["metadata"]!["name"]!.ToString());
        Assert.Equal("web", written["security-labels"]!["k8s:app"]!.ToString());
        Assert.Equal("shop", written["metadata"]!["labels"]!["io.kubernetes.pod.namespace"]!.ToString());
        Assert.Null(written["metadata"]!["labels"]!["strange"]);
        Assert.InRange(identity.Value, 256u, 65535u);
    }

    [Fact]
    public async Task Known_labels_are_answered_while_the_server_is_away_and_new_ones_fail_clearly()
    {
        var server = new FakeApiServer(new TestClock());
        using var agent = new Agent(server, new Random(1));
        var identity = await agent.Allocator.AllocateAsync(LabelSet.Parse("k8s:app=web"), CancellationToken.None);
        server.IsAway = true;
        Assert.Equal(identity, await agent.Allocator.AllocateAsync(LabelSet.Parse("k8s:app=web"), CancellationToken.None));
        var failure = await Assert.ThrowsAsync<IdentityAllocationException>(
            () => agent.Allocator.AllocateAsync(LabelSet.Parse("k8s:app=db"), CancellationToken.None));
        Assert.Contains("k8s:app=db", failure.Message, StringComparison.Ordinal);
        Assert.Contains("nobody listens", failure.Message, StringComparison.Ordinal);
        server.IsAway = false;
        Assert.NotEqual(identity, await agent.Allocator.AllocateAsync(LabelSet.Parse("k8s:app=db"), CancellationToken.None));
    }

    [Fact]
    public async Task A_number_taken_by_another_is_not_used()
    {
        var server = new FakeApiServer(new TestClock());
        server.Put($"{Collection}/256", new JsonObject { ["security-labels"] = new JsonObject { ["k8s:app"] = "other" } });
        using var agent = new Agent(server, new Random(1), 256, 257);
        Assert.Equal(new Identity(257), await agent.Allocator.AllocateAsync(LabelSet.Parse("k8s:app=web"), CancellationToken.None));
        agent.CatchUp(int.MaxValue);
        var failure = await Assert.ThrowsAsync<IdentityAllocationException>(
            () => agent.Allocator.AllocateAsync(LabelSet.Parse("k8s:app=third"), CancellationToken.None));
        Assert.Contains("256 to 257 are taken", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_marked_identity_is_unmarked_before_it_is_used_again()
    {
        var server = new FakeApiServer(new TestClock());
        server.Put($"{Collection}/300", new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["io.cilium.heartbeat"] = "2026-01-01T00:00:00Z" } },
            ["security-labels"] = new JsonObject { ["k8s:app"] = "web" },
        });
        using var agent = new Agent(server, new Random(1));
        agent.CatchUp(int.MaxValue);
        Assert.Equal(new Identity(300), await agent.Allocator.AllocateAsync(LabelSet.Parse("k8s:app=web"), CancellationToken.None));
        Assert.Null(server.Get($"{Collection}/300")!["metadata"]!["annotations"]!["io.cilium.heartbeat"]);
    }

    /// <summary>What came and went between two questions is told by no feed: the answer of an hour ago must not be given again.</summary>
    [Fact]
    public async Task An_identity_that_was_collected_is_not_given_again()
    {
        var clock = new TestClock();
        var server = new FakeApiServer(clock);
        using var agent = new Agent(server, new Random(1));
        var labels = LabelSet.Parse("k8s:app=web");
        var first = await agent.Allocator.AllocateAsync(labels, CancellationToken.None);
        server.Remove($"{Collection}/{first}");
        agent.CatchUp(int.MaxValue);
        clock.Advance(TimeSpan.FromHours(1));

        Assert.False(agent.Allocator.TryFind(labels, out _));
        var second = await agent.Allocator.AllocateAsync(labels, CancellationToken.None);

        Assert.NotNull(server.Get($"{Collection}/{second}"));
    }

    /// <summary>The watch told of it and of its end before anybody asked again.</summary>
    [Fact]
    public async Task An_identity_that_was_deleted_at_once_is_not_given_again()
    {
        var server = new FakeApiServer(new TestClock());
        using var agent = new Agent(server, new Random(1));
        var labels = LabelSet.Parse("k8s:app=web");
        var first = await agent.Allocator.AllocateAsync(labels, CancellationToken.None);
        agent.CatchUp(int.MaxValue);
        server.Remove($"{Collection}/{first}");
        agent.CatchUp(int.MaxValue);

        var second = await agent.Allocator.AllocateAsync(labels, CancellationToken.None);

        Assert.NotNull(server.Get($"{Collection}/{second}"));
    }

    [Fact]
    public async Task An_identity_that_is_there_but_not_seen_yet_is_given_again()
    {
        var server = new FakeApiServer(new TestClock());
        using var agent = new Agent(server, new Random(1));
        var labels = LabelSet.Parse("k8s:app=web");
        var first = await agent.Allocator.AllocateAsync(labels, CancellationToken.None);
        server.Requests.Clear();

        Assert.Equal(first, await agent.Allocator.AllocateAsync(labels, CancellationToken.None));
        Assert.Equal($"GET {Collection}/{first}", Assert.Single(server.Requests));

        // Its number may belong to other labels by now.
        server.Remove($"{Collection}/{first}");
        server.Put($"{Collection}/{first}", new JsonObject { ["security-labels"] = new JsonObject { ["k8s:app"] = "other" } });
        Assert.NotEqual(first, await agent.Allocator.AllocateAsync(labels, CancellationToken.None));
    }

    [Fact]
    public async Task A_server_that_drops_connections_fails_an_allocation_like_one_that_is_away()
    {
        var server = new FakeApiServer(new TestClock());
        using var agent = new Agent(server, new Random(1));
        server.Before = (_, _) => throw new TaskCanceledException("The operation was canceled.", new TimeoutException("no connection within 5 s"));

        var failure = await Assert.ThrowsAsync<IdentityAllocationException>(
            () => agent.Allocator.AllocateAsync(LabelSet.Parse("k8s:app=web"), CancellationToken.None));

        Assert.Contains("no connection within 5 s", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no connection within 5 s", server.Connection.UnreachableReason, StringComparison.Ordinal);
    }

    [Property(MaxTest = 60)]
    public void Agents_that_race_agree_on_one_identity_per_label_set(int seed)
    {
        const int AgentCount = 4, LabelSets = 6;
        var random = new Random(seed);
        var server = new FakeApiServer(new TestClock(), new Random(seed));
        var agents = Enumerable.Range(0, AgentCount).Select(i => new Agent(server, new Random(seed + i), 256, 256 + 29)).ToList();
        var sets = Enumerable.Range(0, LabelSets).Select(i => LabelSet.Parse($"k8s:app=app-{i}", "k8s:io.kubernetes.pod.namespace=default")).ToArray();
        var answers = new Dictionary<LabelSet, HashSet<Identity>>();
        Parallel.ForEachAsync(agents, new ParallelOptions { MaxDegreeOfParallelism = AgentCount }, async (agent, _) =>
        {
            var order = sets.ToArray();
            lock (random)
            {
                random.Shuffle(order);
            }

            foreach (var labels in order)
            {
                var lag = 0;
                lock (random)
                {
                    lag = random.Next(3);
                }

                // The agent's view of the cluster is behind by a random amount, but in the server's order.
                agent.CatchUp(lag);
                var identity = await agent.Allocator.AllocateAsync(labels, CancellationToken.None);
                lock (answers)
                {
                    if (!answers.TryGetValue(labels, out var found))
                    {
                        answers.Add(labels, found = []);
                    }

                    found.Add(identity);
                }
            }
        }).GetAwaiter().GetResult();
        foreach (var labels in sets)
        {
            Assert.Single(answers[labels]);
        }

        Assert.Equal(LabelSets, answers.Values.SelectMany(found => found).Distinct().Count());
        Assert.Equal(LabelSets, server.List(Collection).Count);
        agents.ForEach(agent => agent.Dispose());
    }

    private sealed class Agent : IDisposable
    {
        private readonly FakeApiServer _server;
        private readonly KubernetesTables _tables = new(new StateStore());
        private int _position;

        public Agent(FakeApiServer server, Random random, uint minimum = 256, uint maximum = 65535)
        {
            _server = server;
            Allocator = new CrdIdentityAllocator(
                server.Connection,
                _tables.CiliumIdentities,
                new CrdIdentityAllocatorOptions { Minimum = minimum, Maximum = maximum },
                random,
                NullLogger<CrdIdentityAllocator>.Instance);
        }

        public CrdIdentityAllocator Allocator { get; }

        /// <summary>Applies some of the changes that the server made, as a watch would.</summary>
        public void CatchUp(int maximum)
        {
            var (changes, position) = _server.ChangesSince(_position, maximum);
            _position = position;
            _tables.Store.Write(transaction =>
            {
                foreach (var (path, after) in changes)
                {
                    if (after is null)
                    {
                        transaction.Delete(_tables.CiliumIdentities, new Identity(uint.Parse(path[(path.LastIndexOf('/') + 1)..])));
                    }
                    else
                    {
                        transaction.Upsert(_tables.CiliumIdentities, TestRows.Identity(after));
                    }
                }
            });
        }

        public void Dispose() => Allocator.Dispose();
    }
}
