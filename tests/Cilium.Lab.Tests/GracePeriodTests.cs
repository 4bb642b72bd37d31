using Cilium.Lab.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Cilium.Lab.Tests;

public sealed class GracePeriodTests : IDisposable
{
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
}
