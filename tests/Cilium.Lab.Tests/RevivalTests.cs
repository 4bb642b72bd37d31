using Cilium.Lab.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Cilium.Lab.Tests;

/// <summary>What fails as nobody foresaw begins anew.</summary>
public sealed class RevivalTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly FakeTimeProvider clock = new();
    private readonly List<DateTimeOffset> attempts = [];
    private readonly List<string> told = [];
    private readonly CancellationTokenSource ending = new();

    public void Dispose() => ending.Dispose();

    [Fact]
    public async Task Each_failure_is_told_and_the_pauses_grow()
    {
        await FinishAsync(RunAsync(() => attempts.Count <= 3 ? throw new InvalidDataException($"{attempts.Count}") : Task.CompletedTask));
        Assert.Equal((4, "1 2 3"), (attempts.Count, string.Join(' ', told)));
        var pauses = attempts.Zip(attempts.Skip(1), (one, next) => (next - one).TotalSeconds).ToList();
        Assert.True(pauses is [>= 1, >= 2, >= 4], string.Join(' ', pauses));
    }

    [Fact]
    public async Task A_cancellation_of_somebody_else_is_a_failure()
    {
        var running = RunAsync(() => attempts.Count == 1 ? throw new TaskCanceledException() : Task.CompletedTask);
        Assert.False(running.IsCompleted);
        await FinishAsync(running);
        Assert.Equal(2, attempts.Count);
    }

    [Fact]
    public async Task A_pause_is_cut_by_hurry_that_comes_in_it_and_not_by_former_one()
    {
        using var hurry = new CancellationTokenSource();
        var running = RunAsync(() => attempts.Count <= 2 ? throw new InvalidDataException("wrong") : Task.CompletedTask, hurry.Token);
        Assert.Single(attempts);
        await hurry.CancelAsync();
        await UntilAsync(() => told.Count == 2);
        Assert.Equal(attempts[0], attempts[1]);
        await FinishAsync(running);
        Assert.True(attempts[2] - attempts[1] >= TimeSpan.FromSeconds(2), "the second pause was cut");
    }

    [Fact]
    public async Task It_ends_when_it_is_cancelled()
    {
        var running = RunAsync(() => throw new InvalidDataException());
        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(s_patience, TestContext.Current.CancellationToken));
        Assert.Single(attempts);
    }

    private Task RunAsync(Func<Task> attempt, CancellationToken hurry = default) => new Revival(clock).RunAsync(
        _ =>
        {
            attempts.Add(clock.GetUtcNow());
            return attempt();
        },
        (failure, _) =>
        {
            told.Add(failure.Message);
            return Task.CompletedTask;
        },
        () => hurry,
        ending.Token);

    /// <summary>Lets time pass until all is done.</summary>
    private async Task FinishAsync(Task running)
    {
        await UntilAsync(() =>
        {
            if (!running.IsCompleted) clock.Advance(TimeSpan.FromMilliseconds(250));
            return running.IsCompleted;
        });
        await running;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(s_patience);
        while (!condition()) await Task.Delay(1, limit.Token);
    }
}
