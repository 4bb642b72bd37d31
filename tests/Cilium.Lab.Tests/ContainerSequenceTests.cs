using System.Text.Json.Nodes;
using Cilium.Lab.Nodes;

namespace Cilium.Lab.Tests;

/// <summary>In which order a pod's containers run, and what becomes of the others when one ends.</summary>
public sealed class ContainerSequenceTests : IDisposable
{
    private const string Pod = """
        {"spec":{"initContainers":[{"name":"first","image":"busybox"},{"name":"side","image":"nginx","restartPolicy":"Always"},{"name":"second","image":"busybox"}],
        "containers":[{"name":"a","image":"busybox"},{"name":"b","image":"busybox"}]}}
        """;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly List<ContainerRecord> containers = [.. ContainerRecord.AllOf((JsonObject)JsonNode.Parse(Pod)!)];
    private readonly Dictionary<string, TaskCompletionSource<int>> ends = [];
    private readonly List<string> happened = [];
    private readonly CancellationTokenSource ending = new();

    public void Dispose() => ending.Dispose();

    [Fact]
    public async Task Init_containers_run_one_by_one_and_a_sidecar_beside_what_follows()
    {
        var running = RunAsync();
        await SaidAsync("run first");
        End("first", 0);
        await SaidAsync("run first", "run side");
        Record("side").MarkStarted();
        await SaidAsync("run first", "run side", "run second");
        End("second", 0);
        await SaidAsync("run first", "run side", "run second", "run a", "run b");
        End("a", 0);
        End("b", 1);
        await running.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.Equal("end side", happened[^1]);
    }

    [Fact]
    public async Task An_init_container_that_has_failed_for_good_is_followed_by_nothing()
    {
        var running = RunAsync();
        await SaidAsync("run first");
        End("first", 0);
        await SaidAsync("run first", "run side");
        Record("side").MarkStarted();
        await SaidAsync("run first", "run side", "run second");
        End("second", 3);
        await running.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.Equal(["run first", "run side", "run second", "end side"], happened);
    }

    [Theory]
    [InlineData("side")]
    [InlineData("b")]
    public async Task What_fails_unforeseen_ends_the_others_and_is_told(string name)
    {
        var running = RunAsync();
        await SaidAsync("run first");
        End("first", 0);
        await SaidAsync("run first", "run side");
        Record("side").MarkStarted();
        await SaidAsync("run first", "run side", "run second");
        End("second", 0);
        await SaidAsync("run first", "run side", "run second", "run a", "run b");
        ends[name].SetException(new InvalidDataException("unforeseen"));
        Assert.Equal("unforeseen", (await Assert.ThrowsAsync<InvalidDataException>(() => running.WaitAsync(s_patience, TestContext.Current.CancellationToken))).Message);
        Assert.All(ends.Values, end => Assert.True(end.Task.IsCompleted));
    }

    [Fact]
    public async Task A_sidecar_that_never_starts_keeps_the_others_waiting_until_the_end()
    {
        var running = RunAsync();
        await SaidAsync("run first");
        End("first", 0);
        await SaidAsync("run first", "run side");
        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(s_patience, TestContext.Current.CancellationToken));
        Assert.Equal(["run first", "run side"], happened);
    }

    [Fact]
    public void A_container_is_found_in_the_list_it_is_in()
    {
        var pod = (JsonObject)JsonNode.Parse(Pod)!;
        Assert.Equal(["first", "side", "second", "a", "b"], containers.Select(record => record.DefinitionIn(pod)["name"]!.ToString()));
        Assert.Equal([false, true, false, false, false], containers.Select(record => record.IsSidecar));
    }

    private ContainerRecord Record(string name) => containers.First(record => record.Name == name);

    private Task RunAsync() => new ContainerSequence(LiveAsync, EndAsync).RunAsync(containers, ending.Token);

    private async Task LiveAsync(ContainerRecord record, CancellationToken cancel)
    {
        var end = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (happened)
        {
            ends[record.Name] = end;
            happened.Add($"run {record.Name}");
        }

        await using var cancelled = cancel.Register(() => end.TrySetCanceled(cancel));
        record.ExitCode = await end.Task;
    }

    private Task<bool> EndAsync(ContainerRecord record, CancellationToken cancel)
    {
        lock (happened) happened.Add($"end {record.Name}");
        End(record.Name, 143);
        return Task.FromResult(true);
    }

    private void End(string name, int exitCode) => ends[name].SetResult(exitCode);

    private async Task SaidAsync(params string[] expected)
    {
        using var limit = new CancellationTokenSource(s_patience);
        while (true)
        {
            lock (happened)
            {
                if (happened.SequenceEqual(expected)) return;
                Assert.True(happened.Count < expected.Length, string.Join(", ", happened));
            }

            await Task.Delay(1, limit.Token);
        }
    }
}
