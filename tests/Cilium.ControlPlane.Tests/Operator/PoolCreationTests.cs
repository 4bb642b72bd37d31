using System.Net;
using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Operator;

public sealed class PoolCreationTests : IDisposable
{
    private const string Pools = "apis/cilium.io/v2alpha1/ciliumpodippools";
    private readonly FakeApiServer _server = new(TimeProvider.System);
    private readonly TestClock _clock = new();

    public void Dispose() => _server.Dispose();

    /// <summary>404: the server does not serve the definition yet that was registered a moment ago.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.TooManyRequests)]
    [InlineData(HttpStatusCode.InternalServerError)]
    public async Task A_leader_whose_pool_cannot_be_created_yet_tries_again(HttpStatusCode? status)
    {
        var failures = 0;
        _server.Before = (method, path) =>
        {
            if (method == HttpMethod.Post && path == Pools && failures++ < 2)
            {
                throw status is { } refusal ? new KubernetesException($"POST {path}", refusal, "", "not now") : new HttpRequestException("nobody listens");
            }
        };
        using var stop = new CancellationTokenSource();
        var leading = New().ElectAsync(stop.Token);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (_server.Get($"{Pools}/default") is null && !leading.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(10, patience.Token);
        }

        await stop.CancelAsync();
        await leading;
        Assert.NotNull(_server.Get($"{Pools}/default"));
        Assert.Equal(3, failures);
    }

    [Fact]
    public async Task A_pool_that_the_server_refuses_ends_the_operator()
    {
        _server.Before = (method, path) =>
        {
            if (method == HttpMethod.Post && path == Pools)
            {
                throw new KubernetesException($"POST {path}", HttpStatusCode.UnprocessableEntity, "Invalid", "wrong");
            }
        };
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await Assert.ThrowsAsync<KubernetesException>(() => New().ElectAsync(stop.Token));
    }

    private CiliumOperator New()
    {
        var options = new OperatorOptions
        {
            Ipam = "multi-pool",
            SkipCrdCreation = true,
            AutoCreatePodIPPools = [new PoolDefinition("default", new PoolFamily([Prefix.Parse("10.0.0.0/16")], 27), null)],
            // Starved threads must not cost the lease.
            LeaderElectionLeaseDuration = TimeSpan.FromHours(2),
            LeaderElectionRenewDeadline = TimeSpan.FromHours(1),
        };
        return new CiliumOperator(_server.Connection, options, "operator-a", _clock, new Random(1), NullLoggerFactory.Instance);
    }
}
