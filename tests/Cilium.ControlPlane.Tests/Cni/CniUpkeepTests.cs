using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Cni;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Cni;

public sealed class CniUpkeepTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-cni-").FullName;
    private readonly TestClock _clock = new();
    private readonly Told _told = new();
    private readonly AgentOptions _options;

    public CniUpkeepTests()
    {
        _options = new AgentOptions
        {
            StateDirectory = Path.Combine(_directory, "run"),
            CniConfigurationDirectory = Path.Combine(_directory, "net.d"),
            CniBinaryDirectory = Path.Combine(_directory, "bin"),
            CniPluginPath = Path.Combine(_directory, "cilium-cni"),
        };
        File.WriteAllText(_options.CniPluginPath, "#!/bin/true");
    }

    private string Conflist => Path.Combine(_options.CniConfigurationDirectory, "05-cilium.conflist");

    private string Plugin => Path.Combine(_options.CniBinaryDirectory, "cilium-cni");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task What_is_removed_or_changed_is_installed_again()
    {
        await WhileRunningAsync(async running =>
        {
            var content = File.ReadAllBytes(Conflist);
            File.Delete(Conflist);
            await UntilAsync(running, () => File.Exists(Conflist));
            File.WriteAllText(Conflist, "{}");
            await UntilAsync(running, () => File.ReadAllBytes(Conflist).AsSpan().SequenceEqual(content));
            File.Delete(Plugin);
            await UntilAsync(running, () => File.Exists(Plugin));
            Directory.Delete(_options.CniConfigurationDirectory, recursive: true);
            await UntilAsync(running, () => File.Exists(Conflist));
        });
        Assert.Empty(_told.Warnings);
    }

    [Fact]
    public async Task A_configuration_that_comes_later_is_set_aside()
    {
        var other = Path.Combine(_options.CniConfigurationDirectory, "00-other.conflist");
        await WhileRunningAsync(async running =>
        {
            for (var round = 0; round < 2; round++)
            {
                File.WriteAllText(other, "{}");
                await UntilAsync(running, () => !File.Exists(other));
            }
        });
        Assert.True(File.Exists(other + ".cilium_bak"));
    }

    [Fact]
    public async Task A_folder_that_is_left_to_somebody_else_stays_as_it_is()
    {
        _options.CustomCniConfiguration = true;
        Directory.CreateDirectory(_options.CniConfigurationDirectory);
        await WhileRunningAsync(async running =>
        {
            File.WriteAllText(Path.Combine(_options.CniConfigurationDirectory, "00-other.conflist"), "{}");
            File.Delete(Plugin);
            await UntilAsync(running, () => File.Exists(Plugin));
        });
        Assert.Equal(["00-other.conflist"], Directory.GetFiles(_options.CniConfigurationDirectory).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_failure_is_told_once_and_tried_again()
    {
        await WhileRunningAsync(async running =>
        {
            Directory.Delete(_options.CniConfigurationDirectory, recursive: true);
            File.WriteAllText(_options.CniConfigurationDirectory, "in the way");
            await UntilAsync(running, () => _told.Warnings.Count > 0);
            for (var look = 0; look < 5; look++)
            {
                await UntilAsync(running, () => true);
            }

            File.Delete(_options.CniConfigurationDirectory);
            await UntilAsync(running, () => File.Exists(Conflist));
        });
        Assert.Single(_told.Warnings);
    }

    private async Task WhileRunningAsync(Func<Task, Task> work)
    {
        var installation = new CniInstallation(_options, NullLogger<CniInstallation>.Instance);
        installation.Install();
        using var stop = new CancellationTokenSource();
        var running = new CniUpkeep(installation, _clock, _told).RunAsync(stop.Token);
        await work(running);
        await TestTables.EndAsync(stop, running);
    }

    /// <summary>Has it look until a condition holds, once at least, and waits until it has looked.</summary>
    private async Task UntilAsync(Task running, Func<bool> condition)
    {
        for (var look = 0; look < 10; look++)
        {
            _clock.Advance(TimeSpan.FromSeconds(10));
            await TestTables.UntilAsync(running, () => _clock.Waiting > 0);
            if (condition())
            {
                return;
            }
        }

        Assert.Fail("ten looks changed nothing");
    }

    private sealed class Told : ILogger<CniUpkeep>
    {
        private readonly List<string> _warnings = [];

        public IReadOnlyList<string> Warnings
        {
            get
            {
                lock (_warnings)
                {
                    return [.. _warnings];
                }
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_warnings)
            {
                if (logLevel == LogLevel.Warning)
                {
                    _warnings.Add(formatter(state, exception));
                }
            }
        }
    }
}
