using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Cilium.KernelTests;

/// <summary>What was logged at one level.</summary>
internal sealed class LevelLog(LogLevel level) : ILoggerFactory, ILogger
{
    internal ConcurrentQueue<string> Messages { get; } = new();

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel == level)
            Messages.Enqueue(formatter(state, exception));
    }

    public void Dispose()
    {
    }
}
