using System.Net.Sockets;
using Cilium.Hosts.Cni.Agent;

namespace Cilium.Api.Tests;

public sealed class BlockingClientTests
{
    /// <summary>Both connections: the framework's, and the plugin's.</summary>
    public static TheoryData<bool> Connections => [false, true];

    private static AgentClient Blocking(string path, TimeSpan patience, bool ofKernel) =>
        AgentClient.Blocking(path, patience, TimeProvider.System, ofKernel ? static path => new KernelConnection(path) : null);

    [Theory, MemberData(nameof(Connections))]
    public async Task Returned_tasks_are_complete_and_answers_are_the_same(bool ofKernel)
    {
        await using var agent = await FakeAgent.StartAsync();
        using var client = Blocking(agent.SocketPath, TimeSpan.FromMinutes(2), ofKernel);
        var request = client.GetConfigurationAsync(TestContext.Current.CancellationToken);
        Assert.True(request.IsCompleted);
        var other = await new AgentClient(agent.SocketPath).GetConfigurationAsync(TestContext.Current.CancellationToken);
        Assert.Equal(other.Status!.DeviceMtu, (await request).Status!.DeviceMtu);
        var absent = await Assert.ThrowsAsync<ApiException>(() => client.SendAsync("GET", "/v1/nothing", default, CancellationToken.None));
        Assert.Equal(404, absent.StatusCode);
    }

    [Theory, MemberData(nameof(Connections))]
    public async Task Requests_share_a_connection_until_the_agent_closes_it(bool ofKernel)
    {
        var directory = FakeAgent.NewDirectory();
        var agent = await FakeAgent.StartAsync(directory);
        using var client = Blocking(agent.SocketPath, TimeSpan.FromMinutes(2), ofKernel);
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

    [Theory, MemberData(nameof(Connections))]
    public async Task Nobody_on_the_socket_is_told_apart_from_silence(bool ofKernel)
    {
        var directory = FakeAgent.NewDirectory();
        var path = Path.Combine(directory, "cilium.sock");
        using (var patient = Blocking(path, TimeSpan.FromMinutes(1), ofKernel))
            await Assert.ThrowsAsync<AgentUnavailableException>(() => patient.GetStatusAsync(brief: true, CancellationToken.None));

        using var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        silent.Bind(new UnixDomainSocketEndPoint(path));
        silent.Listen();
        using var client = Blocking(path, TimeSpan.FromMilliseconds(300), ofKernel);
        await Assert.ThrowsAsync<OperationCanceledException>(() => client.GetStatusAsync(brief: true, CancellationToken.None));

        // The patience is for all requests together: the next one does not begin anew.
        var refusal = await Assert.ThrowsAsync<OperationCanceledException>(() => client.GetStatusAsync(brief: true, CancellationToken.None));
        Assert.Contains("no time is left", refusal.Message, StringComparison.Ordinal);
        Directory.Delete(directory, recursive: true);
    }

    [Theory, MemberData(nameof(Connections))]
    public async Task An_agent_that_accepts_no_connection_is_not_waited_for_longer_than_the_patience(bool ofKernel)
    {
        var directory = FakeAgent.NewDirectory();
        var address = new UnixDomainSocketEndPoint(Path.Combine(directory, "cilium.sock"));
        using var hung = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        hung.Bind(address);
        hung.Listen(1);
        var waiting = new List<Socket>();
        try
        {
            // Until one more would have to wait for a place.
            SocketException? full = null;
            while (full is null && waiting.Count < 100)
            {
                waiting.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false });
                full = Record.Exception(() => waiting[^1].Connect(address)) as SocketException;
            }

            Assert.NotNull(full);
            var asked = Task.Factory.StartNew(
                () =>
                {
                    using var client = Blocking(address.ToString()!, TimeSpan.FromMilliseconds(300), ofKernel);
                    return Record.ExceptionAsync(() => client.GetStatusAsync(brief: true, CancellationToken.None)).AsTask();
                },
                default, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
            Assert.IsType<OperationCanceledException>(await asked.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        }
        finally
        {
            hung.Dispose();
            waiting.ForEach(socket => socket.Dispose());
            Directory.Delete(directory, recursive: true);
        }
    }
}
