using System.Diagnostics;
using Cilium.Lab.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Cilium.Lab.Tests;

public sealed class GracePeriodTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly FakeTimeProvider clock = new();
    private readonly GracePeriod grace;

    public GracePeriodTests() => grace = new GracePeriod(clock);

    public void Dispose() => grace.Dispose();

    [Theory]
    [InlineData(5)]
    [InlineData(90)]
    public void It_lasts_as_long_as_the_pod_says(int seconds)
    {
        Assert.False(grace.Begun.IsCancellationRequested);
        grace.End(seconds);
        Assert.True(grace.Begun.IsCancellationRequested);
        clock.Advance(TimeSpan.FromSeconds(seconds - 1));
        Assert.False(grace.Over.IsCancellationRequested);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(grace.Over.IsCancellationRequested);
    }

    [Fact]
    public void A_later_end_shortens_it_and_never_lengthens_it()
    {
        grace.End(60);
        clock.Advance(TimeSpan.FromSeconds(10));
        grace.End(60);
        grace.End(5);
        grace.End(60);
        clock.Advance(TimeSpan.FromSeconds(4));
        grace.End(5);
        Assert.False(grace.Over.IsCancellationRequested);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(grace.Over.IsCancellationRequested);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-7)]
    public void A_forced_end_is_at_once_also_after_another(long seconds)
    {
        grace.End(long.MaxValue);
        Assert.False(grace.Over.IsCancellationRequested);
        grace.End(seconds);
        Assert.True(grace.Over.IsCancellationRequested);
    }

    [Fact]
    public async Task A_process_that_does_not_end_when_it_is_asked_is_killed_once_it_is_over()
    {
        using var process = await StartAsync("trap '' TERM");
        var stop = ProcessEnd.StopAsync([process], process.Kill, grace.Over, CancellationToken.None);
        grace.End(5);
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.False(stop.IsCompleted);
        Assert.False(process.HasExited);
        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.False(await stop.WaitAsync(Limit));
        await process.WaitForExitAsync().WaitAsync(Limit);
        Assert.Equal(128 + 9, process.ExitCode);
    }

    [Fact]
    public async Task A_process_that_ends_when_it_is_asked_is_not_killed()
    {
        using var process = await StartAsync("trap 'exit 3' TERM");
        Assert.True(await ProcessEnd.StopAsync([process], () => throw new InvalidOperationException("nobody is left"), grace.Over, CancellationToken.None).WaitAsync(Limit));
        Assert.Equal(3, process.ExitCode);
    }

    [Fact]
    public async Task Nothing_is_killed_when_somebody_else_ends_the_pod()
    {
        using var process = await StartAsync("trap '' TERM");
        using var other = new CancellationTokenSource();
        var stop = ProcessEnd.StopAsync([process], process.Kill, grace.Over, other.Token);
        await other.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stop.WaitAsync(Limit));
        Assert.False(process.HasExited);
        process.Kill();
    }

    /// <summary>Starts a shell that has set its traps.</summary>
    private static async Task<Process> StartAsync(string traps)
    {
        var process = Process.Start(new ProcessStartInfo("sh", ["-c", $"{traps}; echo set; i=0; while [ $i -lt 6000 ]; do sleep 0.02; i=$((i+1)); done"]) { RedirectStandardOutput = true })!;
        Assert.Equal("set", await process.StandardOutput.ReadLineAsync().WaitAsync(Limit));
        return process;
    }
}
