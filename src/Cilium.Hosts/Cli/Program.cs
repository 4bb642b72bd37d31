Console.Error.WriteLine("cilium: not assembled yet");
return 1;
