namespace Cilium.Simulation.Serving;

/// <summary>A source of chance with a seed that many threads may ask.</summary>
/// <param name="seed">The seed. What each asker gets depends on who asks first.</param>
internal sealed class SharedRandom(int seed) : Random(seed)
{
    private readonly Lock _lock = new();

    public override int Next()
    {
        lock (_lock)
            return base.Next();
    }

    public override int Next(int maxValue)
    {
        lock (_lock)
            return base.Next(maxValue);
    }

    public override int Next(int minValue, int maxValue)
    {
        lock (_lock)
            return base.Next(minValue, maxValue);
    }

    public override long NextInt64(long maxValue)
    {
        lock (_lock)
            return base.NextInt64(maxValue);
    }

    public override double NextDouble()
    {
        lock (_lock)
            return base.NextDouble();
    }

    protected override double Sample()
    {
        lock (_lock)
            return base.Sample();
    }
}
