using System.Diagnostics;
using System.Net.Sockets;

namespace Cilium.Api.Tests;

public sealed class BlockingClientTests
{
    [Fact]
    public async Task Returned_tasks_are_complete_and_answers_are_the_same()
    {
        await using var agent = await FakeAgent.StartAsync();
        using var client = AgentClient.Blocking(agent.SocketPath, TimeSpan.FromSeconds(10), TimeProvider.System);
        var request = client.GetConfigurationAsync(TestContext.Current.CancellationToken);
        Assert.True(request.IsCompleted);
        var other = await new AgentClient(agent.SocketPath).GetConfigurationAsync(TestContext.Current.CancellationToken);
        Assert.Equal(other.Status!.DeviceMtu, (await request).Status!.DeviceMtu);
        var absent = await Assert.ThrowsAsync<ApiException>(() => client.SendAsync("GET", "/v1/nothing", default, CancellationToken.None));
        Assert.Equal(404, absent.StatusCode);
    }

    [Fact]
    public async Task Requests_share_a_connection_until_the_agent_closes_it()
    {
        var directory = FakeAgent.NewDirectory();
        var agent = await FakeAgent.StartAsync(directory);
        using var client = AgentClient.Blocking(agent.SocketPath, TimeSpan.FromSeconds(10), TimeProvider.System);
        for (var i = 0; i < 3; i++)
        {
            await client.GetConfigurationAsync(CancellationToken.None);
            await Assert.ThrowsAsync<ApiException>(() => client.SendAsync("GET", "/v1/nothing", default, CancellationToken.None));
        }

        Assert.Single(agent.Connections.Distinct());

        // Another agent takes its place: the first request finds it.
        await agent.StopAsync();
        await using var next = await FakeAgent.StartAsync(directory);
        Assert.Equal(1500, (await client.GetConfigurationAsync(CancellationToken.None)).Status!.DeviceMtu);
        Assert.Single(next.Connections);

        // An answer that never comes leaves nothing behind that the next request could take for its own.
        await next.StopAsync();
        await Assert.ThrowsAsync<AgentUnavailableException>(() => client.GetConfigurationAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Nobody_on_the_socket_is_told_apart_from_silence()
    {
        var directory = FakeAgent.NewDirectory();
        var path = Path.Combine(directory, "cilium.sock");
        using var client = AgentClient.Blocking(path, TimeSpan.FromMilliseconds(300), TimeProvider.System);
        await Assert.ThrowsAsync<AgentUnavailableException>(() => client.GetStatusAsync(brief: true, CancellationToken.None));

        using var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        silent.Bind(new UnixDomainSocketEndPoint(path));
        silent.Listen();
        var began = Stopwatch.GetTimestamp();
        await Assert.ThrowsAsync<OperationCanceledException>(() => client.GetStatusAsync(brief: true, CancellationToken.None));

        // The patience is for all requests together: the next one does not begin anew.
        await Assert.ThrowsAsync<OperationCanceledException>(() => client.GetStatusAsync(brief: true, CancellationToken.None));
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
        Directory.Delete(directory, recursive: true);
    }
}
